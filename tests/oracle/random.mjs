// random.mjs - numbers that are the same on every machine, for what the oracles make up.

// A function of BELOW that gives a whole number from 0 to BELOW - 1: splitmix64, started with SEED.
export function randoms(seed) {
	let state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
	return (below) => {
		state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
		let z = state;
		z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
		z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
		return Number((z ^ (z >> 31n)) % BigInt(below));
	};
}
