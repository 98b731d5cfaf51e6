/*
 * schema.mjs - as much of JSON Schema 2020-12 as the contract of the API uses; a word it does not know fails.
 */
const KNOWN = new Set(['type', 'const', 'enum', 'properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems', 'minimum', 'maximum',
	'minLength', 'maxLength', 'oneOf', 'allOf', '$ref', 'description', 'examples', 'default'])

const type_of = (v) => (v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v)

export class Schemas {
	constructor(document) {
		this.document = document
	}

	/* What a "$ref" of this document points to. */
	at(ref) {
		if (!ref.startsWith('#/')) throw new Error(`$ref ${ref}`)
		return ref.slice(2).split('/').reduce((v, key) => {
			const name = decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')
			if (v === undefined || !(name in v)) throw new Error(`$ref ${ref} points nowhere`)
			return v[name]
		}, this.document)
	}

	whole(o) {
		return o !== undefined && '$ref' in o ? this.at(o.$ref) : o
	}

	/* What is wrong with VALUE; empty when it is what SCHEMA says. */
	wrong(schema, value, where = '$') {
		const bad = []
		const say = (what) => bad.push(`${where}: ${what}, here is ${JSON.stringify(value)?.slice(0, 80)}`)
		for (const word of Object.keys(schema)) if (!KNOWN.has(word)) throw new Error(`unknown word of a schema: ${word}`)
		if (schema.$ref !== undefined) return this.wrong(this.at(schema.$ref), value, where)
		const type = type_of(value)
		if (schema.type !== undefined && schema.type !== type && !(schema.type === 'number' && type === 'integer')) {
			say(`no ${schema.type}`)
			return bad
		}
		if (schema.const !== undefined && schema.const !== value) say(`not ${JSON.stringify(schema.const)}`)
		if (schema.enum !== undefined && !schema.enum.includes(value)) say(`none of ${schema.enum}`)
		if (typeof value === 'number' && (value < schema.minimum || value > schema.maximum)) say('out of range')
		if (type === 'string' && ([...value].length < schema.minLength || [...value].length > schema.maxLength)) say('too short or too long')
		if (schema.oneOf !== undefined) {
			const all = schema.oneOf.map((s) => this.wrong(s, value, where))
			if (all.filter((w) => w.length === 0).length !== 1) say(`fits not exactly one of ${JSON.stringify(all)}`)
		}
		for (const s of schema.allOf ?? []) bad.push(...this.wrong(s, value, where))
		if (type === 'array') {
			if (value.length < schema.minItems || value.length > schema.maxItems) say('too few or too many items')
			if (schema.items !== undefined) for (const [i, v] of value.entries()) bad.push(...this.wrong(schema.items, v, `${where}[${i}]`))
		}
		if (type === 'object') {
			for (const name of schema.required ?? []) if (!(name in value)) say(`lacks ${name}`)
			for (const [name, v] of Object.entries(value)) {
				const own = schema.properties?.[name]
				if (own !== undefined) bad.push(...this.wrong(own, v, `${where}.${name}`))
				else if (schema.additionalProperties === false) say(`${name} is not declared`)
				else if (typeof schema.additionalProperties === 'object') bad.push(...this.wrong(schema.additionalProperties, v, `${where}.${name}`))
			}
		}
		return bad
	}
}
