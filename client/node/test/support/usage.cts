/* usage.cts - the same, required. */
import kit = require('forkcast-client')
const c: kit.Client = new kit.Client({ url: 'unix:/x' })
c.publisher().emit('a', 'b')
