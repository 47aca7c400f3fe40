// fhir-kit-client drives the server: capabilities, create, read, search, paging, update with If-Match, patch, history,
// transaction, operation, delete.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

// The package stands where it was installed, not beside this file.
const place = `${process.argv[3]}/node_modules/fhir-kit-client/dist/index.js`;
const loaded = await import(pathToFileURL(place).href);
const Client = loaded.default ?? loaded.Client;
const client = new Client({ baseUrl: process.argv[2] });

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, '4.0.1');

const patient = await client.create({
  resourceType: 'Patient',
  body: { resourceType: 'Patient', name: [{ family: 'Kit', given: ['Ada'] }], birthDate: '1952-03-04' },
});
assert.equal(patient.meta.versionId, '1');
const { id } = patient;
assert.equal((await client.read({ resourceType: 'Patient', id })).name[0].family, 'Kit');

const updated = await client.update({
  resourceType: 'Patient', id, body: { ...patient, gender: 'female' }, options: { headers: { 'If-Match': 'W/"1"' } },
});
assert.equal(updated.meta.versionId, '2');
await assert.rejects(
  client.update({ resourceType: 'Patient', id, body: patient, options: { headers: { 'If-Match': 'W/"1"' } } }),
  (error) => error.response.status === 412,
);
await client.patch({
  resourceType: 'Patient', id, jsonPatch: [{ op: 'replace', path: '/birthDate', value: '1953-03-04' }],
});
assert.equal((await client.read({ resourceType: 'Patient', id })).birthDate, '1953-03-04');
assert.equal((await client.vread({ resourceType: 'Patient', id, version: '1' })).birthDate, '1952-03-04');
assert.equal((await client.history({ resourceType: 'Patient', id })).entry.length, 3);

const answer = await client.transaction({
  body: {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: ['2024-01-01', '2024-01-02', '2024-01-03'].map((effectiveDateTime) => ({
      resource: {
        resourceType: 'Observation', status: 'final', code: { text: 'c' }, effectiveDateTime,
        subject: { reference: `Patient/${id}` },
      },
      request: { method: 'POST', url: 'Observation' },
    })),
  },
});
assert.deepEqual(answer.entry.map((entry) => entry.response.status.slice(0, 3)), ['201', '201', '201']);

let page = await client.search({
  resourceType: 'Observation', searchParams: { 'subject:Patient.family': 'kit', _sort: '-date', _count: 2 },
});
const days = [];
while (page) {
  days.push(...page.entry.map((entry) => entry.resource.effectiveDateTime));
  page = page.link.some((link) => link.relation === 'next') ? await client.nextPage({ bundle: page }) : undefined;
}
assert.deepEqual(days, ['2024-01-03', '2024-01-02', '2024-01-01']);

const everything = await client.operation({ name: '$everything', resourceType: 'Patient', id, method: 'GET' });
assert.equal(everything.entry.length, 4);
const compartment = await client.compartmentSearch({
  resourceType: 'Observation', compartment: { resourceType: 'Patient', id }, searchParams: {},
});
assert.equal(compartment.total ?? compartment.entry.length, 3);

await client.delete({ resourceType: 'Patient', id });
await assert.rejects(client.read({ resourceType: 'Patient', id }), (error) => error.response.status === 410);
console.log('fhir-kit-client: passed');
