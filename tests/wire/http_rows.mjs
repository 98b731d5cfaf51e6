/* http_rows.mjs - requests that are refused, by what is wrong with them. */

export const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAA'

/* Method, query, code; in the order in which a server looks: of several mistakes the first counts. */
export const WITHOUT_SESSION = [
	['no transport', 'GET', 'EIO=4', 0],
	['no query', 'GET', '', 0],
	['an empty transport', 'GET', 'EIO=4&transport=', 0],
	['an unknown transport', 'GET', 'EIO=4&transport=abc', 0],
	['webtransport', 'GET', 'EIO=4&transport=webtransport', 0],
	['Polling', 'GET', 'EIO=4&transport=Polling', 0],
	['constructor', 'GET', 'EIO=4&transport=constructor', 0],
	['unknown transport before unknown sid', 'GET', `transport=abc&sid=${UNKNOWN}`, 0],
	['unknown transport before method', 'POST', 'EIO=4&transport=abc', 0],
	['unknown sid', 'GET', `EIO=4&transport=polling&sid=${UNKNOWN}`, 1],
	['unknown sid, POST', 'POST', `EIO=4&transport=polling&sid=${UNKNOWN}`, 1],
	['unknown sid, PUT', 'PUT', `EIO=4&transport=polling&sid=${UNKNOWN}`, 1],
	['unknown sid, OPTIONS', 'OPTIONS', `EIO=4&transport=polling&sid=${UNKNOWN}`, 1],
	['unknown sid, HEAD', 'HEAD', `EIO=4&transport=polling&sid=${UNKNOWN}`, 1],
	['unknown sid, transport=websocket', 'GET', `EIO=4&transport=websocket&sid=${UNKNOWN}`, 1],
	['unknown sid before EIO', 'GET', `EIO=3&transport=polling&sid=${UNKNOWN}`, 1],
	['a short sid', 'GET', 'EIO=4&transport=polling&sid=x', 1],
	['a long sid', 'GET', `EIO=4&transport=polling&sid=${'x'.repeat(2000)}`, 1],
	['a sid with strange letters', 'GET', 'EIO=4&transport=polling&sid=%00%01%ff%2e%2e%2f%f0%9f', 1],
	['a sid that is a name of objects', 'GET', 'EIO=4&transport=polling&sid=__proto__', 1],
	['POST', 'POST', 'EIO=4&transport=polling', 2],
	['PUT', 'PUT', 'EIO=4&transport=polling', 2],
	['DELETE', 'DELETE', 'EIO=4&transport=polling', 2],
	['OPTIONS', 'OPTIONS', 'EIO=4&transport=polling', 2],
	['HEAD', 'HEAD', 'EIO=4&transport=polling', 2],
	['POST, transport=websocket', 'POST', 'EIO=4&transport=websocket', 2],
	['method before EIO', 'POST', 'EIO=3&transport=polling', 2],
	['websocket without an upgrade', 'GET', 'EIO=4&transport=websocket', 3],
	['websocket before EIO', 'GET', 'EIO=3&transport=websocket', 3],
	['EIO=3', 'GET', 'EIO=3&transport=polling', 5],
	['no EIO', 'GET', 'transport=polling', 5],
	['an empty EIO', 'GET', 'EIO=&transport=polling', 5],
	['EIO=4.0', 'GET', 'EIO=4.0&transport=polling', 5],
	['EIO= 4', 'GET', 'EIO=%204&transport=polling', 5],
	['EIO twice, the last counts', 'GET', 'EIO=4&EIO=3&transport=polling', 5]
]
