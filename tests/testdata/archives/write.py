"""Writes docker-1.9.tar, as docker before 1.10 wrote archives, and buildx.tar, as `docker buildx build -o type=oci` does,
out of the other archives here."""

import hashlib
import io
import json
import tarfile


def read(name):
    with tarfile.open(name) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}


def write(name, files):
    with tarfile.open(name, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(content), 1700000000
            if path.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member, io.BytesIO(content))


def digest(content):
    return hashlib.sha256(content).hexdigest()


def text(value):
    return json.dumps(value, separators=(",", ":")).encode()


def old():
    docker = read("docker-28.tar")
    image = json.loads(docker["manifest.json"])[0]
    config = json.loads(docker[image["Config"]])
    files, parent = {}, None
    steps = [h for h in config["history"] if not h.get("empty_layer")]
    for path, step in zip(image["Layers"], steps):
        layer = {"created": step["created"], "container_config": {"Cmd": [step.get("created_by", "")]}}
        if path == image["Layers"][-1]:
            layer.update({k: config[k] for k in ("architecture", "os", "config")}, docker_version="1.9.1")
        if parent:
            layer["parent"] = parent
        layer["id"] = parent = digest(text(layer))
        files |= {f"{parent}/": b"", f"{parent}/VERSION": b"1.0", f"{parent}/json": text(layer), f"{parent}/layer.tar": docker[path]}
    files["repositories"] = text({"tiny": {"1": parent, "latest": parent}})
    write("docker-1.9.tar", files)


def buildx():
    made = read("podman-5-oci.tar")
    [named] = json.loads(made["index.json"])["manifests"]
    blobs = {}

    def blob(content, kind, **more):
        blobs["blobs/sha256/" + digest(content)] = content
        return {"mediaType": kind, "digest": "sha256:" + digest(content), "size": len(content), **more}

    oci = "application/vnd.oci.image."
    manifest = made["blobs/sha256/" + named["digest"][7:]]
    for part in [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]:
        blob(made["blobs/sha256/" + part["digest"][7:]], "")
    image = blob(manifest, oci + "manifest.v1+json", platform={"architecture": "amd64", "os": "linux"})
    statement = text({"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2"})
    proof = text({
        "schemaVersion": 2,
        "mediaType": oci + "manifest.v1+json",
        "config": blob(text({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(statement)]}}), oci + "config.v1+json"),
        "layers": [blob(statement, "application/vnd.in-toto+json")],
    })
    attestation = blob(proof, oci + "manifest.v1+json", platform={"architecture": "unknown", "os": "unknown"}, annotations={
        "vnd.docker.reference.digest": image["digest"], "vnd.docker.reference.type": "attestation-manifest"})
    index = text({"schemaVersion": 2, "mediaType": oci + "index.v1+json", "manifests": [image, attestation]})
    top = blob(index, oci + "index.v1+json", annotations={
        "io.containerd.image.name": "docker.io/library/tiny:1", "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.ref.name": "1"})
    files = {"blobs/": b"", "blobs/sha256/": b""} | dict(sorted(blobs.items()))
    files["index.json"] = text({"schemaVersion": 2, "mediaType": oci + "index.v1+json", "manifests": [top]})
    files["oci-layout"] = text({"imageLayoutVersion": "1.0.0"})
    write("buildx.tar", files)


old()
buildx()
