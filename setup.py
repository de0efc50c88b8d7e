"""Builds the compiled modules of fastws. Everything else stands in pyproject.toml.

simdjson comes from the sources that the pysimdjson package carries and is compiled once, into a place keyed by its
digest, so that an edit of a .pyx file rebuilds in seconds. FASTWS_SIMDJSON_DIR names another folder with
simdjson.h and simdjson.cpp. FASTWS_SANITIZE names gcc's sanitizers to build with, as in "address,undefined": see
`make sanitize`. FASTWS_COVERAGE builds for gcov: see `make coverage`.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
MSVC = sys.platform == "win32"
CXX_FLAGS = ["/std:c++17", "/O2"] if MSVC else ["-std=c++17", "-O3", "-fno-exceptions", "-fno-rtti"]
C_FLAGS = ["/O2"] if MSVC else ["-O3"]
if sys.platform == "linux":
    # libpython is a shared library on many systems, and a decoded message is a hundred calls into it
    C_FLAGS.append("-fno-plt")
    CXX_FLAGS.append("-fno-plt")
LINK_FLAGS = []
SANITIZERS = os.environ.get("FASTWS_SANITIZE")
if SANITIZERS:
    LINK_FLAGS = [f"-fsanitize={SANITIZERS}"]
    C_FLAGS = ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", *LINK_FLAGS]
    CXX_FLAGS += C_FLAGS
if os.environ.get("FASTWS_COVERAGE"):
    LINK_FLAGS = ["--coverage"]
    C_FLAGS = ["-O0", "-g", *LINK_FLAGS]
    CXX_FLAGS += C_FLAGS
SIMDJSON_MACROS = [("SIMDJSON_EXCEPTIONS", "0")]


def package_folder(name):
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"building fastws needs the package {name!r}: see [build-system] in pyproject.toml")
    return Path(spec.origin).parent


def simdjson_folder():
    named = os.environ.get("FASTWS_SIMDJSON_DIR")
    folder = Path(named) if named else package_folder("simdjson")
    for name in ("simdjson.h", "simdjson.cpp"):
        if not (folder / name).is_file():
            raise SystemExit(
                f"{name} is missing in {folder}; FASTWS_SIMDJSON_DIR may name a folder that has it"
            )
    return folder


SIMDJSON = simdjson_folder()
PICOWS = package_folder("picows")
STAGE1 = ROOT / "fastws" / "_native" / "stage1.cpp"


def simdjson_key():
    digest = hashlib.sha256(repr((CXX_FLAGS, SIMDJSON_MACROS)).encode())
    for path in (SIMDJSON / "simdjson.h", SIMDJSON / "simdjson.cpp", STAGE1, STAGE1.with_suffix(".h")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_key():
    """Of what decides whether a compiled module can be kept, other than its sources."""
    parts = (Cython.__version__, sys.implementation.cache_tag, os.environ.get("CFLAGS"), os.environ.get("CC"))
    digest = hashlib.sha256(repr(parts).encode())
    digest.update((PICOWS / "picows.pxd").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:16]


class BuildExtensions(build_ext):
    """build_ext, with simdjson compiled apart and a record of what the modules were built against.

    pip builds an editable install in a temporary folder, which is empty each time. Here it is build/, where what has
    not changed is found again.
    """

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = True  # a module a thread; the compilers are processes of their own

    def run(self):
        if getattr(self, "editable_mode", False):
            folder = ROOT / "build" / f"editable-{sysconfig.get_platform()}" / build_key()
            self.build_lib, self.build_temp = str(folder / "lib"), str(folder / "temp")
        super().run()
        record = Path(self.get_ext_fullpath("fastws._built_with")).parent / "_built_with.py"
        record.write_text(built_with())

    def get_outputs(self):
        folder = Path(self.get_ext_fullpath("fastws._built_with")).parent
        return [*super().get_outputs(), str(folder / "_built_with.py")]

    def build_extension(self, ext):
        if ext.name == "fastws._native.json":
            ext.extra_objects = [self.simdjson_object()]
            ext.depends = [*ext.depends, *ext.extra_objects]
        super().build_extension(ext)

    def simdjson_object(self):
        folder = ROOT / "build" / f"simdjson-{sysconfig.get_platform()}" / simdjson_key()
        stamp = folder / "object"
        if not stamp.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            (built,) = self.compiler.compile(
                [str(STAGE1.relative_to(ROOT))],
                output_dir=str(folder),
                include_dirs=[str(SIMDJSON)],
                macros=SIMDJSON_MACROS,
                extra_postargs=CXX_FLAGS,
            )
            stamp.write_text(built)
        return stamp.read_text()


def built_with():
    """The text of fastws/_built_with.py, which the import guard of fastws/__init__.py reads."""
    version = {}
    exec((PICOWS / "version.py").read_text(), version)
    digest = hashlib.sha256((PICOWS / "picows.pxd").read_bytes()).hexdigest()
    return (
        '"""What the compiled modules were built against; written by setup.py."""\n\n'
        f'PICOWS_VERSION = "{version["__version__"]}"\n'
        f'PICOWS_PXD_SHA256 = "{digest}"\n'
    )


def extension(name, language="c"):
    cpp = language == "c++"
    return Extension(
        f"fastws.{name}",
        [f"fastws/{name.replace('.', '/')}.pyx"],
        language=language,
        include_dirs=["fastws/_native"] if cpp else [],
        extra_compile_args=CXX_FLAGS if cpp else C_FLAGS,
        extra_link_args=LINK_FLAGS,
        depends=["fastws/_native/stage1.h"] if cpp else [str(PICOWS / "picows.pxd")],
    )


EXTENSIONS = [
    extension("_native.json", "c++"),
    *map(
        extension,
        (
            "_native.buffer",
            "_native.firewall_words",
            "_native.methods",
            "_native.given",
            "_native.request",
            "_native.views",
            "_native.json_views",
            "_native.sbe",
            "_native.waiters",
            "_native.loop_guard",
            "_native.streams",
            "_native.stickiness",
            "_native.merge",
            "_native.market_sink",
            "_native.market_json",
            "_native.market_sbe",
            "_native.market_router",
            "_native.book_levels",
            "_native.book_core",
            "_native.book",
            "_native.cork",
            "_native.evidence_ring",
            "_native.prepared",
            "_native.clock",
            "_native.spinner",
            "_native.limiter",
            "_native.latency",
            "_native.frames",
            "_native.connection",
            "_native.calls",
            "_core",
            "market",
        ),
    ),
]


# Other commands ask for names and versions only.
BUILDS = {"bdist", "bdist_egg", "bdist_wheel", "build", "build_ext", "develop", "editable_wheel", "install"}
builds = not BUILDS.isdisjoint(sys.argv)


def check_compilers():
    """Say that a compiler is missing before Cython is at work for half a minute."""
    if MSVC:
        return  # setuptools looks for Visual C++ in places of its own, and says what to install
    for variable, language in (("CC", "C"), ("CXX", "C++")):
        command = os.environ.get(variable) or sysconfig.get_config_var(variable) or ""
        program = next(iter(shlex.split(command)), variable.lower())
        if shutil.which(program) is None:
            raise SystemExit(
                f"building fastws needs a {language} compiler, and there is no {program}: install gcc and g++ (Debian:"
                f" apt install build-essential; macOS: xcode-select --install), or name one in {variable}"
            )


def generated_before_this_file():
    """Whether the directives below may differ from those that the generated files were made with."""
    sources = [path for path in (ROOT / "fastws").rglob("*") if path.suffix in (".c", ".cpp")]
    generated = [path for path in sources if path != STAGE1]
    return any(path.stat().st_mtime < Path(__file__).stat().st_mtime for path in generated)


def cythonized():
    check_compilers()
    return cythonize(
        EXTENSIONS,
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "auto_pickle": False,
        },
        annotate=bool(os.environ.get("FASTWS_ANNOTATE")),
        force=generated_before_this_file(),
    )


setup(
    ext_modules=cythonized() if builds else EXTENSIONS,
    cmdclass={"build_ext": BuildExtensions},
)
