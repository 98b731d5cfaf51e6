// sio_msgpack.mjs - what notepack and socket.io-msgpack-parser make of COUNT packets (SEED makes them repeatable).  Half
// of the packets are written by notepack 2, which the parser has, half by notepack 3; some are damaged.
//
// For t_sio_msgpack_oracle.c, little-endian, a record for each packet:
//   u8 verdict (0 refused, 1 accepted, 2 damaged but accepted: ours may be stricter), u32 length and bytes of the
//   message, and when the verdict is 1
//   u8 type (5, 6 with attachments), u16 length and bytes of the namespace, u8 has an id, u64 id, u32 length and bytes
//   of the data as JSON with placeholders (empty: none), u8 attachments, for each u32 length and bytes, and
//   u32 length and bytes of that packet as notepack 3 writes it.

import { createRequire } from "node:module";
import encode3 from "notepack.io/lib/encode.js";
import decode3 from "notepack.io/lib/decode.js";
import { randoms } from "./random.mjs";

const require = createRequire(import.meta.url);
const parser = require("socket.io-msgpack-parser");
const [count, seed] = process.argv.slice(2).map(Number);

const random = randoms(seed);
const pick = (list) => list[random(list.length)];

const STRINGS = ["", "a", "name", "room:1", "\n\t\"\\/\b\f\r", "\0", "é€😀", "\u2028\u007f\u0080", "x".repeat(31), "x".repeat(32),
	"é".repeat(200), "z".repeat(300), "\u0001".repeat(50)];
const INTEGERS = [0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
const FLOATS = [0.1, 1.5, 1e-7, 1.25e-6, 1e300, 5e-324, Math.PI, 123456.789, 1 / 3, 2 ** -44, NaN, Infinity];

function double() {
	const b = Buffer.alloc(8);
	b.writeUInt32LE(random(2 ** 32), 0);
	b.writeUInt32LE(random(2 ** 32), 4);
	const v = b.readDoubleLE(0);
	// Above 2^53 notepack writes integers that are not what JSON says of them; the unit tests have those.
	return Math.abs(v) > 2 ** 53 ? 1 / v : v;
}

function date() {
	return new Date(pick([0, 1, -1, 1500, 1e12, -1e12, 2 ** 42, -62198755200000, 8.64e15, -8.64e15, random(2 ** 41) - random(2 ** 41)]));
}

function value(depth, binary) {
	switch (random(depth > 4 ? 11 : 15)) {
	case 0: return null;
	case 1: return true;
	case 2: return false;
	case 3: return pick(STRINGS);
	case 4: return pick(INTEGERS);
	case 5: return -pick(INTEGERS);
	case 6: return random(2 ** 40);
	case 7: return random(2) ? pick(FLOATS) : double();
	case 8: return random(3) ? random(1000) / 8 : date();
	case 9: return random(3) ? pick(STRINGS) : undefined;
	case 10: return binary && random(3) === 0 ? pick([Buffer.from(pick(STRINGS)), new Uint8Array([1, 2, 3]).buffer]) : random(200);
	case 11:
	case 12: return Array.from({ length: random(30) ? random(5) : 20 }, () => value(depth + 1, binary));
	default:
		return Object.fromEntries(Array.from({ length: random(30) ? random(5) : 20 }, (_, i) => [pick(STRINGS) + pick(["", "b", i]),
			value(depth + 1, binary)]));
	}
}

function packet() {
	const type = random(5), nsp = pick(["/", "/", "/chat", "/a?b=c"]);
	const binary = random(2) === 1;
	let p = { type };
	if (type === 0)
		p.data = random(2) ? undefined : { token: value(0, false), "": value(0, false) };
	else if (type === 2)
		p.data = [pick(["e", "name", "connection", 5, -1.5]), ...Array.from({ length: random(4) }, () => value(0, binary))];
	else if (type === 3)
		p.data = Array.from({ length: random(4) }, () => value(0, binary));
	else if (type === 4)
		p.data = random(2) ? pick(STRINGS) : { message: pick(STRINGS), data: value(0, false) };
	if (random(20) === 0)
		p.data = pick([undefined, null, "x", 5, [], {}, [null], ["e"]]);
	p.nsp = nsp;
	if (random(2))
		p.id = pick([0, 1, 12, 999999999999999, 2 ** 32]);
	if (random(40) === 0)
		p[pick(["type", "nsp", "id"])] = pick([undefined, null, "2", 5, -1, 1.5, {}]);
	if (random(10) === 0)
		p = { options: { compress: true, bytes: [Buffer.from("x")] }, ...p };
	return p;
}

// Not 0xc9: an ArrayBuffer as long as the next four bytes say, which notepack allocates and fills.
function damage(b) {
	for (let n = 1 + random(3); n > 0; n--) {
		const at = random(b.length + 1), byte = Buffer.from([pick([random(192), 0xc0 + random(9), 0xca + random(54)])]);
		switch (random(4)) {
		case 0: b = Buffer.concat([b.subarray(0, at), b.subarray(at + 1 + random(3))]); break;
		case 1: b = Buffer.concat([b.subarray(0, at), byte, b.subarray(at)]); break;
		case 2: b = Buffer.concat([b.subarray(0, at), byte, b.subarray(at + 1)]); break;
		default: b = b.subarray(0, at); break;
		}
	}
	return b;
}

// The packet as text clients would have it: buffers taken out, then JSON.
function takeOut(v, buffers) {
	if (v instanceof ArrayBuffer || Buffer.isBuffer(v)) {
		buffers.push(Buffer.from(v));
		return { _placeholder: true, num: buffers.length - 1 };
	}
	if (Array.isArray(v))
		return v.map((e) => takeOut(e, buffers));
	if (v !== null && typeof v === "object" && !(v instanceof Date))
		return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, takeOut(e, buffers)]));
	return v;
}

function putBack(v, buffers) {
	if (v?._placeholder === true && buffers.length > 0)
		return buffers[v.num];
	if (Array.isArray(v))
		return v.map((e) => putBack(e, buffers));
	if (v !== null && typeof v === "object")
		return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, putBack(e, buffers)]));
	return v;
}

// What text packets forbid is forbidden here too, though the parser does not look.
function allowed(p, buffers) {
	if (p.type === 2 && typeof p.data[0] !== "string" && typeof p.data[0] !== "number")
		return false;
	return p.nsp.startsWith("/") && buffers.length <= 10 && (p.id === undefined || p.id >= 0);
}

const out = [];
function integer(bytes, v) {
	const b = Buffer.alloc(bytes);
	b.writeUIntLE(v, 0, bytes);
	out.push(b);
}
function bytes(lengthBytes, text) {
	const b = Buffer.from(text);
	integer(lengthBytes, b.length);
	out.push(b);
}

const encoder2 = new parser.Encoder(), decoder = new parser.Decoder();
for (let i = 0; i < count; i++) {
	let message = random(2) ? encoder2.encode(packet())[0] : encode3(packet());
	const damaged = random(4) === 0;
	if (damaged)
		message = damage(message);
	let p = null;
	try {
		// notepack 3 reads what both write; the parser judges.
		p = decode3(message);
		decoder.checkPacket(p);
	} catch {
		p = null;
	}
	const buffers = [];
	const json = p && p.data !== undefined ? JSON.stringify(takeOut(p.data, buffers)) : "";
	const verdict = p === null ? 0 : damaged ? 2 : allowed(p, buffers) ? 1 : 0;
	integer(1, verdict);
	bytes(4, message);
	if (verdict !== 1)
		continue;
	integer(1, buffers.length ? p.type + 3 : p.type);
	bytes(2, p.nsp);
	integer(1, p.id === undefined ? 0 : 1);
	const id = Buffer.alloc(8);
	id.writeBigUInt64LE(BigInt(p.id ?? 0));
	out.push(id);
	bytes(4, json);
	integer(1, buffers.length);
	for (const b of buffers)
		bytes(4, b);
	const again = { type: p.type };
	if (json)
		again.data = putBack(JSON.parse(json), buffers);
	again.nsp = p.nsp;
	again.id = p.id;
	bytes(4, encode3(again));
}
process.stdout.write(Buffer.concat(out));
