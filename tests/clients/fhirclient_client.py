"""fhirclient (SMART) drives the server through its strict R4 models: metadata, create, read, search, update, delete."""

import sys

from fhirclient import client
from fhirclient.models.bundle import Bundle
from fhirclient.models.humanname import HumanName
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

smart = client.FHIRClient(settings={"app_id": "passerelle-test", "api_base": sys.argv[1]})
statement = smart.server.capabilityStatement
assert statement.fhirVersion == "4.0.1" and statement.rest[0].mode == "server"
assert len(statement.rest[0].resource) > 140

patient = Patient({"birthDate": "1952-03-04", "name": [{"family": "Fhirclient", "given": ["Ada"]}]})
created = patient.create(smart.server)
assert created["id"] and created["meta"]["versionId"] == "1", created

read = Patient.read(created["id"], smart.server)
assert smart.human_name(read.name[0]) == "Ada Fhirclient"

observation = Observation(
    {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": f"Patient/{read.id}"},
        "effectiveDateTime": "2024-01-02",
    }
)
observation_id = observation.create(smart.server)["id"]
search = Observation.where(struct={"subject:Patient.family": "fhirclient"})
assert [one.id for one in search.perform_resources(smart.server)] == [observation_id]
bundle = Observation.where(struct={"_id": observation_id}).include("subject").perform(smart.server)
assert isinstance(bundle, Bundle) and {entry.search.mode for entry in bundle.entry} == {"match", "include"}

read.name.append(HumanName({"text": "Ada", "use": "nickname"}))
assert read.update(smart.server)["meta"]["versionId"] == "2"
assert len(Patient.read(read.id, smart.server).name) == 2
everything = Bundle(smart.server.request_json(f"Patient/{read.id}/$everything"))
assert sorted(entry.resource.resource_type for entry in everything.entry) == ["Observation", "Patient"]

Observation.read(observation_id, smart.server).delete()
assert Observation.where(struct={"_id": observation_id}).perform_resources(smart.server) == []
print("fhirclient: passed")
