// The same application on Node Socket.IO as forkcast-bench.conf describes for forkcast: tokens checked at connect, three automatic
// rooms, subscribe with an ack, a relayed event, and the two admin calls that the load generator makes.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const secret = process.env.BENCH_SECRET;
const key = process.env.BENCH_KEY;

// HS256 only (RFC 7515): the claims, or an error.
function verify(token) {
	const [head, claims, signature] = String(token).split(".");
	if (JSON.parse(Buffer.from(head, "base64url")).alg !== "HS256") throw new Error("Invalid token");
	const expected = createHmac("sha256", secret).update(`${head}.${claims}`).digest();
	const given = Buffer.from(signature ?? "", "base64url");
	if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error("Invalid token");
	const body = JSON.parse(Buffer.from(claims, "base64url"));
	if (!(body.exp > Date.now() / 1000)) throw new Error("Token expired");
	return body;
}

function onConnection(socket) {
	const user = socket.data.user;
	socket.join([`user:${user.sub}`, `role:${user.role}`, "global:all"]);
	socket.on("subscribe", ({ room, id }, ack) => {
		const name = `${room}:${id}`;
		socket.join(name);
		ack?.({ success: true, room: name, message: `Subscribed to ${name}` });
	});
	socket.on("echo", (payload, ack) => ack(payload));
	socket.on("publish", (payload) => {
		socket.nsp.to(`market:${payload.room}`).emit("tick", payload);
	});
}

async function admin(io, req, res) {
	const reply = (status, body) => {
		const text = JSON.stringify(body);
		res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
		res.end(text);
	};
	if (req.headers.authorization !== `Bearer ${key}`) return reply(401, { error: { code: "unauthorized" } });
	if (req.method === "GET" && req.url.startsWith("/v1/sockets/")) {
		const [socket] = await io.in(req.url.slice(12)).fetchSockets();
		return socket ? reply(200, { id: socket.id, worker: socket.data.worker }) : reply(404, { error: { code: "not_found" } });
	}
	if (req.method !== "POST" || req.url !== "/v1/emit") return reply(404, { error: { code: "not_found" } });
	const chunks = [];
	for await (const chunk of req) chunks.push(chunk);
	const { to, event, data } = JSON.parse(Buffer.concat(chunks));
	io.to(to).emit(event, data);
	return reply(202, { id: null });
}

// Listens on a free port of 127.0.0.1 and resolves to it.
export function serve({ adapter, worker }) {
	const http = createServer();
	const io = new Server(http, { adapter, transports: ["polling", "websocket"], serveClient: false });
	http.on("request", (req, res) => {
		if (!req.url.startsWith("/socket.io/"))
			admin(io, req, res).catch((error) => res.destroy(error));
	});
	io.use((socket, next) => {
		try {
			socket.data.user = verify(socket.handshake.auth.token);
			socket.data.worker = worker;
			next();
		} catch (error) {
			next(error);
		}
	});
	io.on("connection", onConnection);
	return new Promise((resolve) => http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => resolve(http.address().port)));
}
