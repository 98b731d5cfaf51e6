/*
 * prometheus.mjs - a strict reader of /metrics (text exposition format 0.0.4): every line must be what the format says.
 */
import assert from 'node:assert/strict'
import { api } from './clients.mjs'
import { until } from './server.mjs'

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"'
const VALUE = '([+-]?Inf|NaN|[+-]?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)'
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped']

function parse_labels(text) {
	const labels = {}
	let rest = text
	while (rest !== '') {
		const m = rest.match(new RegExp(`^${LABEL}(,|$)`))
		assert.ok(m, `labels: ${text}`)
		assert.ok(!(m[1] in labels), `label twice: ${text}`)
		labels[m[1]] = m[2].replace(/\\(["\\n])/g, (_, c) => (c === 'n' ? '\n' : c))
		rest = rest.slice(m[0].length)
	}
	return labels
}

/* A histogram: le rises, counts never fall, +Inf equals _count. */
function check_histogram(family) {
	const series = new Map()
	for (const sample of family.samples) {
		const { le, ...labels } = sample.labels
		const key = JSON.stringify(labels)
		if (!series.has(key)) series.set(key, { buckets: [] })
		const one = series.get(key)
		if (sample.name.endsWith('_bucket')) one.buckets.push([le === '+Inf' ? Infinity : Number(le), sample.value])
		else one[sample.name.slice(family.name.length + 1)] = sample.value
	}
	for (const [key, { buckets, sum, count }] of series) {
		const where = `${family.name} ${key}`
		assert.ok(Number.isFinite(sum) && sum >= 0, where)
		assert.deepEqual(buckets.at(-1), [Infinity, count], where)
		for (let i = 1; i < buckets.length; i++) {
			assert.ok(buckets[i][0] > buckets[i - 1][0], where)
			assert.ok(buckets[i][1] >= buckets[i - 1][1], where)
		}
	}
}

/* Map of family name -> {name, type, help, samples: [{name, labels, value}]}. */
export function parse(text) {
	const families = new Map()
	const seen = new Set()
	let family
	assert.ok(text.endsWith('\n'), 'the last line ends')
	for (const line of text.slice(0, -1).split('\n')) {
		const comment = line.match(new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`))
		if (comment) {
			const [, word, name, rest] = comment
			if (word === 'HELP') {
				assert.ok(!families.has(name), `${name} comes twice`)
				family = { name, help: rest, samples: [] }
				families.set(name, family)
			} else {
				assert.ok(family?.name === name && family.type === undefined && family.samples.length === 0, line)
				assert.ok(TYPES.includes(rest), line)
				family.type = rest
			}
			continue
		}
		const m = line.match(new RegExp(`^(${NAME})(?:\\{(.*)\\})? ${VALUE}$`))
		assert.ok(m, `no sample: ${line}`)
		const sample = { name: m[1], labels: parse_labels(m[2] ?? ''), value: Number(m[3].replace('Inf', 'Infinity')) }
		const own = family.type === 'histogram' ? /_(bucket|sum|count)$/ : /$/
		assert.equal(sample.name.replace(own, ''), family.name, `${line}: outside its family`)
		assert.ok(!seen.has(`${m[1]}{${m[2]}}`), `twice: ${line}`)
		seen.add(`${m[1]}{${m[2]}}`)
		if (family.type !== 'gauge') assert.ok(sample.value >= 0, line)
		family.samples.push(sample)
	}
	for (const f of families.values()) if (f.type === 'histogram') check_histogram(f)
	return families
}

export async function metrics(s) {
	const { status, text } = await api(s, 'GET', '/metrics')
	assert.equal(status, 200)
	return parse(text)
}

/* Sum of the samples of forkcast_NAME that carry LABELS. */
export async function metric(s, name, labels = {}) {
	const family = (await metrics(s)).get(`forkcast_${name}`)
	assert.ok(family, `no metric forkcast_${name}`)
	const has = (sample) => Object.entries(labels).every(([k, v]) => sample.labels[k] === String(v))
	return family.samples.filter(has).reduce((sum, sample) => sum + sample.value, 0)
}

/* Does FN and waits for forkcast_NAME{LABELS} to have risen by BY, not more; gives what FN gave. */
export async function counted(s, name, labels, fn, by = 1) {
	const before = await metric(s, name, labels)
	const result = await fn()
	await until(`${name} ${JSON.stringify(labels)} to rise by ${by}`, async () => (await metric(s, name, labels)) >= before + by, 5000)
	assert.equal((await metric(s, name, labels)) - before, by, `${name} ${JSON.stringify(labels)}`)
	return result
}

export const disconnected = (s, reason, fn, by) => counted(s, 'disconnects_total', { reason }, fn, by)
export const refusal = (s, reason, fn, by) => counted(s, 'refused_total', { reason }, fn, by)
