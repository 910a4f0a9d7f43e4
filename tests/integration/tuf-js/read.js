// SPDX-License-Identifier: Apache-2.0
// Reads a repository with tuf-js, as a stranger's client would.
//
// usage: node read.js REPO ROOT.json CACHE [TARGET]...
//
// Prints "refreshed", then for each target its path, length and role's custom
// data, after it was fetched and verified. Serves REPO itself, on loopback.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const { Updater } = require('tuf-js');

const [repo, root, cache, ...targets] = process.argv.slice(2);

const server = http.createServer((request, response) => {
	fs.readFile(path.join(repo, path.normalize(request.url)), (error, data) => {
		response.writeHead(error ? 404 : 200);
		response.end(error ? undefined : data);
	});
});

async function read(base) {
	fs.mkdirSync(cache, { recursive: true });
	if (!fs.existsSync(path.join(cache, 'root.json')))
		fs.copyFileSync(root, path.join(cache, 'root.json'));
	const updater = new Updater({
		metadataDir: cache,
		metadataBaseUrl: `${base}/metadata`,
		targetDir: cache,
		targetBaseUrl: `${base}/targets`,
		config: { fetchRetries: 0 },
	});
	await updater.refresh();
	console.log('refreshed');
	for (const name of targets) {
		const target = await updater.getTargetInfo(name);
		if (!target)
			throw new Error(`no target ${name}`);
		await updater.downloadTarget(target);
		console.log(target.path, target.length, JSON.stringify(target.custom));
	}
}

server.listen(0, '127.0.0.1', () => {
	read(`http://127.0.0.1:${server.address().port}`)
		.catch((error) => {
			console.log(`refused: ${error.message}`);
			process.exitCode = 1;
		})
		.finally(() => server.close());
});
