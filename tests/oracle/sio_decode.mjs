// sio_decode.mjs - what socket.io-parser says of COUNT packets, most of them damaged (SEED makes them repeatable).
//
// For t_socketio_oracle.c, little-endian, a record for each packet:
//   u8 verdict (0 refused, 1 accepted, 2 written in a way only Number() takes), u32 length, bytes, and when accepted
//   u8 type, u8 attachments, u8 has an id, f64 id, u16 length and bytes of the namespace, u8 has a payload,
//   u16 number of arguments of an event.

import { Decoder } from "socket.io-parser";
import { randoms } from "./random.mjs";

const [count, seed] = process.argv.slice(2).map(Number);

const random = randoms(seed);
const pick = (list) => list[random(list.length)];

const ATTACHMENTS = ["", "1", "1", "1", "2", "3", "4", "5", "0", "1", "2", "9", "10", "11", "01", "010", "99999999999999999999", "1e1", "-1", "0x5", " 1", "1.0", "+1", "a"];
const NAMESPACES = ["", "", "", "/,", "/", "/chat,", "/chat", "/a?b=c,", '/x{"y":1,', "/a b,", "//,", "/é,"];
const IDS = ["", "", "", "", "", "", "0", "1", "12", "3", "45", "678", "007", "123456789012345", "1234567890123456", " ", "1 2", " 5", "5 "];
const PAYLOADS = ["", "", "{}", '{"token":"x"}', "[]", "[ ]", '["a"]', '["a",1,{"b":[1,2]}]', '["connect"]', '["dis\\u0063onnect"]', '["disconnecting",1]',
	'["newListener"]', '["removeListener"]', '["connect_error"]', '["connection"]', '["error"]', "[5,1]", "[1e400]", "[-0.5,2]", "[null]", "[true]",
	"[{}]", "[[]]", '"str"', "null", "true", "false", "5", '""', '["a" , 2 ]', '[ "a" ]', ' ["a"]', '["a"] ', '["a"]x', '["a",]', "{", "[", "undefined",
	'[""]', '["\\u0000"]', '["a","]",[",",{}]]'];

const ALPHABET = [..."0123456789-/,[]{}\" \t\nab:\\é"];
function damage(text) {
	for (let n = random(3); n > 0; n--) {
		const at = random(text.length + 1), len = random(3);
		switch (random(4)) {
		case 0: text = text.slice(0, at) + text.slice(at + len); break;
		case 1: text = text.slice(0, at) + pick(ALPHABET) + text.slice(at); break;
		case 2: text = text.slice(0, at) + pick(ALPHABET) + text.slice(at + 1); break;
		default: text = text.slice(0, at); break;
		}
	}
	return text;
}

// Numbers that are not just digits, and ids above 15 of them: socketio.h says what we do instead.
function odd(text) {
	if (!/^[0-9]/.test(text))
		return true;
	let rest = text.slice(1);
	if (/^[56]/.test(text)) {
		const dash = rest.indexOf("-");
		if (dash >= 0 && !/^\d*$/.test(rest.slice(0, dash)) && Number(rest.slice(0, dash)) > 0)
			return true;
		rest = dash < 0 ? "" : rest.slice(dash + 1);
	}
	rest = rest.replace(/^\/[^,]*(,|$)/, "");
	return /^\d{16}/.test(rest) || /^\d*\s/.test(rest);
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

const decoder = new Decoder();
for (let i = 0; i < count; i++) {
	const type = random(8), binary = type === 5 || type === 6 || random(40) === 0;
	let text = String(type) + (binary ? pick(ATTACHMENTS) + (random(10) ? "-" : "") : "") + pick(NAMESPACES) + pick(IDS) + pick(PAYLOADS);
	if (random(2))
		text = damage(text);
	text = Buffer.from(text).toString();
	let packet = null;
	try {
		packet = decoder.decodeString(text);
	} catch {
	}
	const verdict = odd(text) ? 2 : packet ? 1 : 0;
	integer(1, verdict);
	bytes(4, text);
	if (verdict !== 1)
		continue;
	integer(1, packet.type);
	integer(1, packet.attachments ?? 0);
	integer(1, packet.id === undefined ? 0 : 1);
	const id = Buffer.alloc(8);
	id.writeDoubleLE(packet.id ?? 0);
	out.push(id);
	bytes(2, packet.nsp);
	integer(1, packet.data === undefined ? 0 : 1);
	const event = (packet.type === 2 || packet.type === 5) && packet.data !== undefined;
	integer(2, event ? packet.data.length - 1 : 0);
}
process.stdout.write(Buffer.concat(out));
