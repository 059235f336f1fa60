// An SMSC made of the package `smpp` (npm, "node-smpp"): obeys orders and tells what it gets, as lines of JSON. See conftest.py.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const FIELDS = [
  'service_type', 'source_addr', 'source_addr_ton', 'source_addr_npi', 'destination_addr', 'dest_addr_ton', 'dest_addr_npi',
  'esm_class', 'protocol_id', 'registered_delivery', 'data_coding', 'priority_flag', 'replace_if_present_flag', 'sm_default_msg_id',
];
const sessions = new Map();
const submits = [];
const questions = [];
let bindStatus = 0;
let greeting = null;

const tell = (what) => console.log(JSON.stringify(what));

// Keeps the octets of a submit beside what node-smpp reads from them.
const read = smpp.filters.message.decode;
smpp.filters.message.decode = function decode(value, skipUdh) {
  if (Buffer.isBuffer(value) && value.length) this.octets = value.toString('hex');
  return read.call(this, value, skipUdh);
};

function onSubmit(session, name, pdu) {
  submits.push({ session, pdu });
  const body = pdu.short_message || {};
  const told = { event: 'submit', ref: submits.length, session: name, octets: pdu.octets || '' };
  for (const field of FIELDS) told[field] = pdu[field];
  told.read = { text: String(body.message || ''), udh: (body.udh || []).map((element) => element.toString('hex')) };
  tell(told);
}

function onQuestion(session, name, pdu) {
  questions.push({ session, pdu });
  const { command, message_id, source_addr, destination_addr } = pdu;
  tell({ event: command, ref: questions.length, session: name, message_id, source_addr, destination_addr });
}

function onSession(session) {
  const name = `session-${sessions.size + 1}`;
  sessions.set(name, session);
  for (const mode of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(mode, (pdu) => {
      if (greeting) session.deliver_sm({ ...greeting, short_message: Buffer.from(greeting.octets, 'hex') });
      session.send(pdu.response({ command_status: bindStatus, system_id: 'node-smpp' }));
      if (bindStatus) return;
      const { system_id, password, system_type, interface_version } = pdu;
      tell({ event: 'bound', session: name, mode, system_id, password, system_type, interface_version });
    });
  }
  session.on('submit_sm', (pdu) => onSubmit(session, name, pdu));
  for (const question of ['query_sm', 'cancel_sm']) session.on(question, (pdu) => onQuestion(session, name, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    tell({ event: 'unbind', session: name });
    session.send(pdu.response(), null, () => session.close());
  });
  session.on('close', () => tell({ event: 'gone', session: name }));
  session.on('error', (error) => tell({ event: 'error', session: name, error: String(error) }));
}

function valueOf(value) {
  return value && value.octets !== undefined ? Buffer.from(value.octets, 'hex') : value;
}

// node-smpp leaves the body out of a refusal; some SMSCs don't.
function rejectWithBody({ session, pdu }, status) {
  const octets = pdu.response({ message_id: '' }).toBuffer();
  octets.writeUInt32BE(status, 8);
  session.socket.write(octets);
}

function deliver({ order, ref, session, octets, tlvs, sequence_number, ...fields }) {
  const options = { ...fields };
  if (order === 'deliver_sm') options.short_message = Buffer.from(octets, 'hex');
  for (const [name, value] of Object.entries(tlvs)) options[name] = valueOf(value);
  const pdu = new smpp.PDU(order, options);
  if (sequence_number) pdu.sequence_number = sequence_number;
  sessions.get(session).send(pdu, (answer) => {
    tell({ event: 'delivered', ref, status: answer.command_status, length: answer.command_length, command: answer.command });
  });
}

const ORDERS = {
  accept({ ref, message_id, tlvs }) {
    const { session, pdu } = submits[ref - 1];
    session.send(pdu.response({ message_id, ...tlvs }));
  },
  reject({ ref, status, with_body }) {
    const { session, pdu } = submits[ref - 1];
    if (with_body) rejectWithBody(submits[ref - 1], status);
    else session.send(pdu.response({ command_status: status }));
  },
  nack({ ref, status }) {
    const { session, pdu } = submits[ref - 1];
    session.send(new smpp.PDU('generic_nack', { command_status: status, sequence_number: pdu.sequence_number }));
  },
  // A query_sm or cancel_sm; `fields` are those of its response.
  answer({ ref, fields }) {
    const { session, pdu } = questions[ref - 1];
    session.send(pdu.response({ message_id: pdu.message_id, ...fields }));
  },
  deliver_sm: deliver,
  data_sm: deliver,
  enquire_link({ session, ref }) {
    sessions.get(session).enquire_link((pdu) => tell({ event: 'delivered', ref, status: pdu.command_status, command: pdu.command }));
  },
  unbind({ session }) {
    const leaving = sessions.get(session);
    leaving.unbind(() => leaving.close());
  },
  cut({ session }) {
    sessions.get(session).destroy();
  },
  // `greets_with`: a deliver_sm that goes out before the answer to a bind.
  answer_binds({ status, greets_with }) {
    bindStatus = status;
    greeting = greets_with || null;
    tell({ event: 'binds_answered', status });
  },
};

const server = smpp.createServer(onSession);
server.listen(0, '127.0.0.1', () => tell({ event: 'listening', port: server.address().port }));
readline.createInterface({ input: process.stdin })
  .on('line', (line) => { const order = JSON.parse(line); ORDERS[order.order](order); })
  .on('close', () => process.exit(0));
