/* usage.mts - the package as TypeScript sees it, imported: what must compile, and behind @ts-expect-error what must not. */
import { Client, RepositoryEventEmitter, CacheSync, CacheReceiver, Notifier, BatchError, ForkcastError } from 'forkcast-client'
import { io } from 'socket.io-client'
const c = new Client({ url: 'http://x', key: 'k' })
const r = await c.emit(['a:1'], 'e', { a: 1 }, { except: 'user:1', delay: '5s', at: new Date() })
const n: number = r.delivered
for await (const s of c.sockets({ in: 'x' })) { const id: string = s.id }
class Repo { async updateProfile(id: string, p: { city: string }) { return { id, ...p } } size = 1 }
const repo: Repo = new RepositoryEventEmitter({ realTimeServer: c }).registerRepository('user', new Repo(), { events: { updateProfile: { to: ({ id }) => `user:${id}` } }, to: 'x' })
// @ts-expect-error a method that the repository does not have
new RepositoryEventEmitter({ realTimeServer: c.publisher() }).registerRepository('user', new Repo(), { events: { nope: 'x' } })
const sent = await new CacheSync({ realTimeServer: c }).warm('k', 1, { ttl: 5 }); sent.delivered
const b: boolean = new CacheSync({ realTimeServer: c.publisher() }).invalidate('k')
new CacheReceiver(io('http://x'), new Map<string, number>(), { onWarm: (k, v) => {} })
const res = await new Notifier({ client: c }).sendBulkNotifications([{ userId: 1, data: { a: 1 } }])
for (const x of res) if (x.ok) x.delivered; else x.error.code
const done: string = (await new RepositoryEventEmitter({ realTimeServer: c }).registerRepository('user', new Repo()).updateProfile('1', { city: 'x' })).id
// @ts-expect-error what the repository does not take, it does not take now either
repo.updateProfile(1, {})
try { await c.batch([{ emit: { to: 'x', event: 'e' } }]) } catch (e) { if (e instanceof BatchError) e.results[0].ok }
// @ts-expect-error no url
new Client({})
