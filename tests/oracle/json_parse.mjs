// json_parse.mjs - what JSON.parse says of COUNT documents, most of them damaged (SEED makes them repeatable).
//
// For t_json_oracle.c, little-endian, a record for each document:
//   u8 accepted, u32 length, bytes, u16 number of members, and for each member of an outermost object
//   u16 length, name, u8 type as in enum json_type, then u32 length and bytes of a string, f64 of a number, or
//   u32 length of an array.

import { randoms } from "./random.mjs";

const [count, seed] = process.argv.slice(2).map(Number);

const random = randoms(seed);
const pick = (list) => list[random(list.length)];

const STRINGS = ["", "a", "name", "room:1", "a b", "\\u0061", "\\n\\t\\\"\\\\\\/\\b\\f\\r", "\\u0000", "\\ud83d\\ude00", "\\ud800", "\\udc00x",
	"\\ud800\\u0041", "é€😀", "\u2028\u2029\u007f\u0080", "\\u00E9\\u20aC", "x".repeat(40), "1234567\\\"", "__proto__", "\ufeff", "\ufffd"];
const NUMBERS = ["0", "-0", "1", "-1", "12345678901234567890", "9007199254740993", "1e400", "-1e400", "1E+2", "1e-2", "0.1", "-0.0e-0", "123.456e7",
	"2.2250738585072011e-308", "0.30000000000000004", "18446744073709551616", "1".repeat(60), "1e23", "999999999999999", "-999999999999999"];
const BAD_NUMBERS = ["01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "--1", "1.e1", "-01", "00", "1_000", "1n"];
const WORDS = ["true", "false", "null"];
const BAD_WORDS = ["True", "tru", "nul", "undefined", "truefalse", "nullx", "fals"];
const SPACES = ["", "", "", " ", "\n", "\r\n", "\t", "   "];
const BAD_SPACES = ["\u00a0", "\ufeff", "\f", "\v", "\u0085", "\u2003", "\0", "//\n", "/**/"];
const space = () => (random(300) === 0 ? pick(BAD_SPACES) : pick(SPACES));
const string = () => '"' + pick(STRINGS) + pick(["", "", pick(STRINGS)]) + '"';

function object(depth) {
	const items = Array.from({ length: random(5) }, () => space() + string() + space() + ":" + space() + value(depth + 1) + space());
	return "{" + (items.length ? items.join(",") : space()) + "}";
}

function array(depth) {
	const items = Array.from({ length: random(5) }, () => space() + value(depth + 1) + space());
	return "[" + (items.length ? items.join(",") : space()) + "]";
}

function value(depth) {
	switch (random(depth > 4 ? 4 : 6)) {
	case 0: return string();
	case 1: return random(40) === 0 ? pick(BAD_NUMBERS) : pick(NUMBERS);
	case 2: return random(40) === 0 ? pick(BAD_WORDS) : pick(WORDS);
	case 3: return String(random(100000));
	case 4: return array(depth);
	default: return object(depth);
	}
}

const ALPHABET = [..."{}[]:,\"\\/ \t\n\r+-.eE0123456789abcdfntrulsu\0\x1f\x7f'", "é", "€", "😀", "\ud800", "\ufeff"];
function damage(text) {
	for (let n = random(3); n > 0; n--) {
		const at = random(text.length + 1), len = random(4);
		switch (random(5)) {
		case 0: text = text.slice(0, at) + text.slice(at + len); break;
		case 1: text = text.slice(0, at) + pick(ALPHABET) + text.slice(at); break;
		case 2: text = text.slice(0, at) + pick(ALPHABET) + text.slice(at + 1); break;
		case 3: text = text.slice(0, at) + text.slice(at, at + len) + text.slice(at); break;
		default: text = text.slice(0, at); break;
		}
	}
	return text;
}

const TYPE = { null: 0, false: 1, true: 2, number: 3, string: 4, array: 5, object: 6 };
function typeOf(v) {
	if (v === null || v === true || v === false)
		return String(v);
	return Array.isArray(v) ? "array" : typeof v;
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

for (let i = 0; i < count; i++) {
	// There and back, so that both sides judge the same bytes: half a surrogate pair becomes U+FFFD.
	const text = Buffer.from(damage(space() + (random(3) === 0 ? value(0) : object(0)) + space())).toString();
	let parsed, accepted = 1;
	try {
		parsed = JSON.parse(text);
	} catch {
		accepted = 0;
	}
	integer(1, accepted);
	bytes(4, text);
	const members = accepted && typeOf(parsed) === "object" ? Object.entries(parsed) : [];
	const comparable = members.every(([k]) => !/[\p{Surrogate}\ufffd]/u.test(k));
	integer(2, comparable ? members.length : 0);
	for (const [k, v] of comparable ? members : []) {
		const type = typeOf(v);
		bytes(2, k);
		integer(1, TYPE[type]);
		if (type === "string") {
			bytes(4, v);
		} else if (type === "number") {
			const b = Buffer.alloc(8);
			b.writeDoubleLE(v);
			out.push(b);
		} else if (type === "array") {
			integer(4, v.length);
		}
	}
}
process.stdout.write(Buffer.concat(out));
