/** Arky's route handler, on plain Node. */
import { POST } from './arky-route.mjs';
import { serveFetch } from './serve-fetch.mjs';

serveFetch('/api/webhooks/arky', { POST });
