"""nbgrader's exchange: what is collected from it, and the feedback that is released to it.

    c.ExchangeFactory.collect = "nncourse.grading.exchange.Collecting"
    c.ExchangeFactory.release_feedback = "nncourse.grading.exchange.Releasing"

Whoever has an account lays folders of any name there, with anything in them, and nbgrader copies
them with the lecturer's rights: behind a link the solutions, or what another has handed in. So only
plain files that grading needs are taken, as ``nncourse collect`` does, and one that can't be taken
holds up nobody.
"""

from __future__ import annotations

import datetime
import errno
import os
from glob import glob
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash

from nncourse.grading.below import open_below
from nncourse.grading.collect import account_of, has_account, several_accounts
from nncourse.grading.notebook_file import LARGEST
from nncourse.grading.sanitize import one_line
from nncourse.grading.submissions import SECRET, STAMP, is_student, likeness
from nncourse.grading.unfit import put_aside
from nncourse.grading.whole import write_below
from nncourse.language import catalogue

_ = catalogue("course")

LONGEST = 1000  # bytes of a secret or a time stamp
MOST = 10  # notebooks of a submission; it has one
NOBODY = {"username": "", "filename": "", "timestamp": datetime.datetime.min, "owner": -1}


class Collecting(ExchangeCollect):
    """nbgrader's ``collect``."""

    src_records: list[dict[str, Any]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)
            record["owner"] = os.lstat(path).st_uid  # its student may take it away at any time
            why = self._why_not(Path(path), record["username"])
        except Exception as error:  # whatever a reader of times raises
            why = str(error)
        if not why:
            return record
        self._say(os.path.basename(path), why)
        return NOBODY

    def _why_not(self, folder: Path, student: str) -> str:
        """Why a folder is not that student's submission; empty if it is."""
        if not is_student(student):
            return _("the student's name {name!r} can't be a folder", name=student[:80])
        if folder.is_symlink() or not folder.is_dir():
            return _("{name} is a link or no file: ask for the notebook", name=folder.name[:80])
        account = account_of(folder.stat().st_uid) if self.check_owner else ""
        if account in ("", student) or not has_account(student):
            return ""
        return _("not taken: it belongs to the account {account}", account=account)

    def _sort_by_timestamp(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of one student; none if several accounts say that it is theirs."""
        student = records[0]["username"]
        owners = {record["owner"] for record in records if record["username"]}
        if student and self.check_owner and len(owners - {os.getuid()}) > 1:
            self._say(student, several_accounts(student))
            return [NOBODY]
        return super()._sort_by_timestamp(records)

    def copy_files(self) -> None:
        """One after the other, whatever becomes of each."""
        records = [record for record in self.src_records if record["username"]]
        for record in records:
            self.src_records = [record]
            try:
                super().copy_files()
            except Exception as error:  # its student may have taken it away meanwhile
                self._say(record["filename"], str(error))

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """The notebooks in ``src``, the time and the secret; nothing behind a link, and nothing
        that another account has laid there: nbgrader lets everyone write into it."""
        inbound, folder = Path(self.inbound_path), Path(dest)
        owner = os.lstat(src).st_uid
        found = sorted(Path(src).iterdir())
        kept = [path for path in found if path.name in (STAMP, SECRET)]
        assignment, released = self.coursedir.assignment_id, self._released()
        notebooks = sorted(
            (path for path in found if path.suffix == ".ipynb"),
            key=lambda path: likeness(path.name, assignment, released),
        )
        if more := notebooks[MOST:]:
            why = _("not taken, since there are more than {most} notebooks", most=MOST)
            self._say(f"{Path(src).name}/{more[0].name}, ...", why)
        for path in kept + notebooks[:MOST]:
            try:
                with open_below(inbound, path) as file:
                    if os.fstat(file.fileno()).st_uid != owner:
                        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                    data = file.read(LONGEST if path in kept else LARGEST + 1)
            except OSError as error:
                self._say(f"{Path(src).name}/{path.name}", str(error.strerror))
                continue
            write_below(folder.parents[1], folder / path.name, data)
        put_aside(folder)

    def _released(self) -> str:
        """The name of the notebook that was handed out."""
        directory, assignment = self.coursedir, self.coursedir.assignment_id
        release = directory.format_path(directory.release_directory, ".", assignment)
        return min((path.name for path in Path(release).glob("*.ipynb")), default=assignment)

    def _say(self, name: str, why: str) -> None:
        self.log.warning("%s: %s", one_line(name), one_line(why))


class Releasing(ExchangeReleaseFeedback):
    """nbgrader's ``release_feedback``: the pages of all who have handed in by the exchange."""

    def copy_files(self) -> None:
        """Under the name that is made of the secret which came with the submission."""
        left_out = self.coursedir.student_id_exclude.split(",")
        for name in sorted(glob(os.path.join(self.src_path, "*.html"))):
            page = Path(name)
            student = page.parents[1].name
            if student in left_out:
                continue
            secret = self._secret(student)
            if not secret:
                text = _("no {file} came with the submission: not released", file=SECRET)
                self.log.warning("%s: %s", one_line(student), text)
                continue
            text = page.read_text("utf-8")
            # A student looks for it by the names that the notebooks have in what was handed in.
            for notebook in {page.stem, *self._notebooks(student)}:
                released = Path(self.dest_path, notebook_hash(secret=secret, notebook_id=notebook))
                write_below(released.parent, released.with_suffix(".html"), text).chmod(0o644)
                self.log.info("%s: %s", one_line(student), released.with_suffix(".html"))

    def _submitted(self, student: str) -> Path:
        directory = self.coursedir
        step = directory.submitted_directory
        return Path(directory.format_path(step, student, directory.assignment_id))

    def _notebooks(self, student: str) -> list[str]:
        names = sorted(path.stem for path in self._submitted(student).glob("*.ipynb"))
        return [name for name in names if name.isprintable()][:MOST]

    def _secret(self, student: str) -> str:
        folder = self._submitted(student)
        try:
            with open_below(folder.parents[1], folder / SECRET) as file:
                return file.read(LONGEST).decode("utf-8", "replace")
        except OSError:
            return ""
