export { DashboardError } from './errors.ts';
export { type Dashboard, type DashboardOptions, serveDashboard } from './serve-dashboard.ts';
