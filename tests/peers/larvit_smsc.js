// An SMSC made of the npm package `larvitsmpp`: takes everything, and sends receipts in its own manner. See test_larvitsmpp.py.
'use strict';

const larvitsmpp = require('larvitsmpp');

const quiet = () => {};
const log = { silly: quiet, debug: quiet, verbose: quiet, info: quiet, warn: quiet, error: quiet };
const tell = (what) => console.log(JSON.stringify(what));

larvitsmpp.server({ host: '127.0.0.1', port: Number(process.argv[2]), log }, (error, session) => {
  if (error) throw error;
  session.on('login', () => tell({ event: 'bound' }));
  session.on('sms', (sms) => {
    const { from, to, message, dlr } = sms;
    const octets = sms.pduObjs.map(({ pduObj }) => Buffer.from(pduObj.params.short_message).toString('hex'));
    // A text that says so is not delivered.
    const status = message === 'Fail' ? 'UNDELIVERABLE' : 'DELIVERED';
    sms.sendResp('ESME_ROK', () => {
      tell({ event: 'sms', from, to, message, dlr, octets, id: sms.smsId });
      // And one that says so is neither that nor delivered.
      if (message !== 'Hold') sms.sendDlr(status, (failure, answer) => tell({ event: 'answered', to, status: answer.cmdStatus }));
    });
  });
});
process.stdin.on('close', () => process.exit(0)).resume();
