// A bare process that says it is there, and waits.
process.send?.('ready');
setInterval(() => {}, 60_000);
