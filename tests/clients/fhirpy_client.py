"""fhirpy drives the server: create, read, search, chain, update, transaction, history, $everything, delete."""

import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

client = SyncFHIRClient(sys.argv[1])

organization = client.resource("Organization", name="Fhirpy Clinic")
organization.save()
assert organization.id

patient = client.resource(
    "Patient",
    identifier=[{"system": "urn:oid:2.16.840.1.113883.19.5", "value": "fhirpy-1"}],
    name=[{"family": "Fhirpy", "given": ["Ada"]}],
    birthDate="1952-03-04",
    managingOrganization=organization.to_reference().serialize(),
)
patient.save()
assert patient["meta"]["versionId"] == "1", patient.serialize()

read = client.reference("Patient", patient.id).to_resource()
assert read.get_by_path(["name", 0, "family"]) == "Fhirpy"

observation = client.resource(
    "Observation",
    status="final",
    code={"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    subject=patient.to_reference().serialize(),
    effectiveDateTime="2024-01-02T03:04:05Z",
    valueQuantity={"value": 13.5, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
)
observation.save()

assert len(client.resources("Patient").search(family="fhirpy").fetch()) == 1
found = client.resources("Observation").search(subject__Patient__family="Fhirpy").fetch()
assert [one.id for one in found] == [observation.id], found
assert len(client.resources("Observation").search(date__gt="2024-01-01").fetch()) >= 1
assert len(client.resources("Observation").search(date__gt="2024-02-01", patient=patient.id).fetch()) == 0
included = client.resources("Observation").search(_id=observation.id).include("Observation", "subject").fetch_raw()
assert {entry["resource"]["resourceType"] for entry in included["entry"]} == {"Observation", "Patient"}

patient["birthDate"] = "1953-03-04"
patient.save()
assert patient["meta"]["versionId"] == "2"
history = client.execute(f"Patient/{patient.id}/_history", method="get")
assert [entry["resource"]["birthDate"] for entry in history["entry"]] == ["1953-03-04", "1952-03-04"]

answer = client.execute(
    "",
    method="post",
    data={
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:6a2b3c8e-0000-4000-8000-000000000001",
                "resource": {"resourceType": "Practitioner", "name": [{"family": "Doc"}]},
                "request": {"method": "POST", "url": "Practitioner"},
            },
            {
                "resource": {
                    "resourceType": "Encounter",
                    "status": "finished",
                    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                    "subject": {"reference": f"Patient/{patient.id}"},
                    "participant": [{"individual": {"reference": "urn:uuid:6a2b3c8e-0000-4000-8000-000000000001"}}],
                },
                "request": {"method": "POST", "url": "Encounter"},
            },
        ],
    },
)
assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201"], answer

everything = client.execute(f"Patient/{patient.id}/$everything", method="get")
types = sorted(entry["resource"]["resourceType"] for entry in everything["entry"])
assert types == ["Encounter", "Observation", "Organization", "Patient", "Practitioner"], types

observation.delete()
try:
    client.reference("Observation", observation.id).to_resource()
    raise SystemExit("a deleted resource was read")
except (ResourceNotFound, OperationOutcome):
    pass
try:
    client.resources("Patient").search(nonsense="1").fetch()
    raise SystemExit("an unknown parameter was answered")
except OperationOutcome:
    pass
print("fhirpy: passed")
