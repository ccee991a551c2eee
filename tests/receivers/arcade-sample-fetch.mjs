/** The route handler of Arcade's page, on plain Node. */
import { POST } from './arcade-sample-route.mjs';
import { reportingRoute } from './sample.mjs';
import { serveFetch } from './serve-fetch.mjs';

serveFetch('/webhooks/arcade', { POST: reportingRoute(POST) });
