"""Trying a storage out, and the command that does."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from archives.models import StorageTarget
from archives.probing import Step, probe
from tests.emulators import S3Emulator
from tests.servers import free_port
from tests.storages import Configure

WORKS = [Step(name=name) for name in ("write", "read", "link", "delete")]


def test_bucket_that_works_is_left_as_it_was(s3: S3Emulator, bucket: StorageTarget) -> None:
    assert probe(bucket) == WORKS

    assert "Contents" not in s3.client().list_objects_v2(Bucket=bucket.bucket)


def test_folder_that_works_is_left_without_files(folder: Path) -> None:
    steps = probe(None)

    assert [step.name for step in steps if step.is_ok] == ["write", "read", "link", "delete"]
    assert steps[2].note == "no links here: files go through this service"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_first_failure_is_told_and_the_rest_not_tried(bucket: StorageTarget) -> None:
    bucket.bucket = "no-such-bucket"

    write, *others = probe(bucket)

    assert write == Step(name="write", error=f"There is no bucket “no-such-bucket” at {bucket.endpoint}.")
    assert {step.error for step in others} == {"not tried"}


def test_missing_setting_is_a_failure_and_no_crash(bucket: StorageTarget, configure: Configure) -> None:
    configure(AWS_ACCESS_KEY=None)

    assert probe(bucket)[0].error == "The storage target can't be used without AWS_ACCESS_KEY: set it."


def test_right_that_is_missing_is_the_step_that_fails(
    s3: S3Emulator, bucket: StorageTarget, configure: Configure
) -> None:
    files = f"arn:aws:s3:::{bucket.bucket}/*"
    access, secret = s3.new_key({"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": files})
    configure(AWS_ACCESS_KEY=access, AWS_SECRET_KEY=secret)

    with s3.enforcing():
        (failed,) = [step for step in probe(bucket) if not step.is_ok]

    assert failed.name == "delete"
    assert failed.error.startswith(f"Access to the bucket “{bucket.bucket}” is denied")


@pytest.mark.django_db
def test_command_tells_of_the_target_in_force(bucket: StorageTarget) -> None:
    bucket.save()
    output = io.StringIO()

    call_command("check_storage_target", stdout=output)

    assert output.getvalue().splitlines() == [
        f"AWSS3 {bucket.bucket}",
        "  write: ok",
        "  read: ok",
        "  link: ok",
        "  delete: ok",
    ]


@pytest.mark.django_db
def test_command_tries_the_folder_without_a_target(folder: Path) -> None:
    output = io.StringIO()

    call_command("check_storage_target", "--json", stdout=output)

    told = json.loads(output.getvalue())
    assert told["target"] == "folder"
    assert told["ok"] is True


@pytest.mark.django_db
def test_command_fails_with_the_reason(bucket: StorageTarget) -> None:
    host = f"127.0.0.1:{free_port()}"
    bucket.endpoint = f"http://{host}"
    bucket.save()
    output = io.StringIO()

    with pytest.raises(CommandError) as error:
        call_command("check_storage_target", "--json", stdout=output)

    assert error.value.returncode == 1
    assert json.loads(output.getvalue()) == {
        "target": f"AWSS3 {bucket.bucket}",
        "ok": False,
        "steps": [
            {
                "name": "write",
                "ok": False,
                "error": f"{host} refuses connections: nothing is serving there.",
                "note": "",
            },
            *({"name": name, "ok": False, "error": "not tried", "note": ""} for name in ("read", "link", "delete")),
        ],
    }
