// Plain WebSocket on uWebSockets, which Bun's server is built on: no Socket.IO, no tokens, one process.  Speaks what rawsend
// speaks: /NAME subscribes to NAME, /NAME?publish publishes to it.  Run by Bun.
const server = Bun.serve({
	port: 0,
	hostname: "127.0.0.1",
	fetch(request, server) {
		const url = new URL(request.url);
		if (!server.upgrade(request, { data: { name: url.pathname, publisher: url.search !== "" } }))
			return new Response("WebSocket only", { status: 426 });
	},
	websocket: {
		idleTimeout: 0,
		perMessageDeflate: false,
		open(ws) {
			if (!ws.data.publisher) ws.subscribe(ws.data.name);
		},
		message(ws, message) {
			server.publish(ws.data.name, message);
		},
	},
});
console.log(`ports: 0=${server.port}`);
