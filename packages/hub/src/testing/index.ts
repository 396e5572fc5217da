export { type Fault, type HubServer, type HubServerOptions, type SeenRequest, serveHub } from './hub-server.ts';
