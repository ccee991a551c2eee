/** Arcade's route handler, on plain Node. */
import { POST } from './arcade-route.mjs';
import { serveFetch } from './serve-fetch.mjs';

serveFetch('/webhooks/arcade', { POST });
