/** The route handler of Arky's page, on plain Node. */
import { POST } from './arky-sample-route.mjs';
import { reportingRoute } from './sample.mjs';
import { serveFetch } from './serve-fetch.mjs';

serveFetch('/api/webhooks/arky', { POST: reportingRoute(POST) });
