/* harness.mjs - Socket.IO clients and waiting, as the end-to-end tests have them. */
export { connect, connect_each, inbox, next } from '../../../../tests/e2e/clients.mjs'
export { until as until_true } from '../../../../tests/e2e/server.mjs'
