/*
 * chromium.mjs - a headless Chromium that talks to nobody but us, on an empty profile of its own.
 */
import { chromium } from 'playwright-core'

const FLAGS = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']

/* One browser for a file's tests; it makes and removes its profile. */
export function launched() {
	return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false, args: FLAGS })
}

/*
 * A page of a fresh session, gone with the test T, and everything that it complained about, what its policy forbids
 * included.
 */
export async function page(t, browser) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 980 } })
	const p = await context.newPage()
	const complaints = []
	t.after(() => context.close())
	context.setDefaultTimeout(10000)
	p.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(m.text()))
	p.on('pageerror', (e) => complaints.push(String(e)))
	p.on('requestfailed', (r) => complaints.push(`${r.method()} ${r.url()}: ${r.failure()?.errorText}`))
	return { page: p, complaints }
}
