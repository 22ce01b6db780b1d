"""The small authority, with openssl itself."""

from __future__ import annotations

import stat
import subprocess

import pytest

from scripts.cluster.certificates import AUTHORITIES, CERTIFICATES, Certificate, issue_all, kubeconfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    issue_all(folder)
    return folder


def openssl(*arguments) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=lambda certificate: certificate.file)
def test_each_is_trusted_by_its_own_authority_alone(folder, certificate):
    for authority in AUTHORITIES:
        answer = openssl("verify", "-CAfile", folder / f"{authority}.crt", folder / f"{certificate.file}.crt")
        assert answer.strip().endswith(": OK") == (authority == certificate.authority)


def test_rbac_knows_the_kubelet_and_the_server_answers_to_its_names(folder):
    kubelet = openssl("x509", "-in", folder / "kubelet.crt", "-noout", "-subject", "-ext", "subjectAltName")
    assert "O = system:nodes, CN = system:node:node" in kubelet
    assert "IP Address:198.18.0.1" in kubelet
    server = openssl("x509", "-in", folder / "apiserver.crt", "-noout", "-ext", "subjectAltName,extendedKeyUsage")
    assert "IP Address:198.19.128.1" in server
    assert "DNS:kubernetes.default.svc" in server
    assert "TLS Web Client" not in server


def test_keys_are_their_owners_alone(folder):
    for key in folder.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600, key


def test_a_client_has_no_names():
    extensions = Certificate(file="admin", common_name="me").extensions
    assert "clientAuth\n" in extensions
    assert "subjectAltName" not in extensions


def test_a_kubeconfig_names_the_key_and_does_not_hold_it(folder):
    user = kubeconfig("https://198.18.0.1:6443", folder, "admin")["users"][0]["user"]
    assert user["client-key"] == str(folder / "admin.key")
    assert "client-key-data" not in user
