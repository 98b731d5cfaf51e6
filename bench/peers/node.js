// Node Socket.IO.  `node node.js`: one process.  `node node.js N`: a cluster of N workers joined by @socket.io/redis-adapter over
// the Redis server at the unix socket BENCH_REDIS.  Prints "ports: 0=PORT" once every worker listens.
import cluster from "node:cluster";
import process from "node:process";
import { serve } from "./app.js";

const workers = Number(process.argv[2] ?? 0);

async function redisAdapter() {
	const { createClient } = await import("redis");
	const { createAdapter } = await import("@socket.io/redis-adapter");
	const pub = createClient({ socket: { path: process.env.BENCH_REDIS } });
	const sub = pub.duplicate();
	await Promise.all([pub.connect(), sub.connect()]);
	return createAdapter(pub, sub);
}

if (workers === 0) {
	console.log(`ports: 0=${await serve({ worker: 0 })}`);
} else if (cluster.isPrimary) {
	let ready = 0;
	for (let i = 0; i < workers; i++)
		cluster.fork().on("message", (port) => {
			if (++ready === workers) console.log(`ports: 0=${port}`);
		});
	cluster.on("exit", () => process.exit(1));
} else {
	process.send(await serve({ adapter: await redisAdapter(), worker: cluster.worker.id }));
}
