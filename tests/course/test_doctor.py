"""The doctor names what is missing and how to get it."""

from importlib import metadata

import pytest

from nncourse.course import doctor


def test_a_complete_environment_is_in_order():
    findings = {finding.what: finding for finding in doctor.examine()}
    assert findings["nncourse[course]"].ok
    assert findings["Python"].ok
    assert all(finding.mend for finding in findings.values() if not finding.ok)


def test_a_missing_package_is_named_with_the_command_that_mends_it(monkeypatch):
    real = metadata.version

    def version(name):
        if name == "matplotlib":
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "anywidget" else real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    (finding,) = [one for one in doctor.examine() if one.what == "nncourse[course]"]
    assert not finding.ok
    assert "matplotlib>=" in finding.state
    assert "anywidget>=" in finding.state  # too old counts as missing
    assert finding.mend == 'pip install "nncourse[course]"'


def test_an_extra_may_consist_of_others():
    names = {line.split(">")[0] for line in _requirements("test")}
    assert {"jupyterlab", "nbval", "pytest"} <= names


def _requirements(extra):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor.metadata, "version", lambda name: "0")
        return doctor.missing_requirements(extra)


def test_another_python_is_refused(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 0))
    assert not doctor._python().ok
