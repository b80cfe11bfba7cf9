# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What whole programs of the Cortex-M3 board cost: every byte of the boot ROM by the room it was compiled from, and the
firmware by library, both from what was linked. Used by tools/footprint."""
import collections
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROM_BYTES = 20 * 1024
FIRMWARE_TEXT_BYTES = 192 * 1024
FIRMWARE_RAM_BYTES = 128 * 1024

CONSTANTS = "constants of all"
ROM_WHAT = {
    "device/boot": "the decision, journal, requests, loading, hand-off",
    "device/slot": "the decrypting reader",
    "device/verify": "digest, signature, admission",
    "device/anchor": "the secure element's client, frames",
    "device/flash": "ranges checked before the part is touched",
    "format": "image header, TLVs, signature's DER, order",
    "crypto": "SHA-256, HMAC, HKDF, AES-256-CTR",
    "p256-m": "P-256 verification (Mbed TLS's)",
    "base": "bounded cursors, comparing and wiping secrets",
    "boards": "memory functions, flash, UART, watchdog, protection unit, jump",
    CONSTANTS: "numbers of SHA-256 and the curve, tables of fields, labels, vectors; the burned record of keys",
}
LIBRARY_WHAT = {
    "mcu_lwip": "lwIP: TCP/IP",
    "mcu_mbedtls": "Mbed TLS: TLS, X.509, PSA Crypto",
    "c_nano": "the C library",
    "gcc": "the compiler's helpers",
}
KERNEL = "mcu_kernel"


def run(*command, text=None):
    return subprocess.run(command, capture_output=True, text=True, check=True, input=text).stdout


def room_of(path):
    """The room of a source file, whichever root it was compiled under."""
    if "p256-m" in path or "/mbedtls/" in path:
        return "p256-m"
    found = re.search(r"(?:^|/)src/(device/\w+|\w+)/[^/]+$", path)
    if found:
        return found[1]
    return "boards" if "boards/" in path else CONSTANTS


def rom_rooms(elf):
    """{room: bytes}, adding up to the size of .text."""
    places = re.findall(r"^\s+([0-9a-f]+):\t([0-9a-f ]+?)\s*\t", run("arm-none-eabi-objdump", "-d", elf), re.M)
    code = {int(at, 16): len(raw.replace(" ", "")) // 2 for at, raw in places}
    lines = run("arm-none-eabi-addr2line", "-e", elf, text="\n".join(map(hex, code))).splitlines()
    rooms = collections.Counter()
    for size, line in zip(code.values(), lines):
        rooms[room_of(line.split(":")[0])] += size
    total = section_bytes(elf, ".text")
    rooms[CONSTANTS] += total - sum(rooms.values())  # what objdump does not print as code
    return rooms, total


def section_bytes(elf, *names):
    rows = re.findall(r"^(\.\S+)\s+(\d+)\s+\d+", run("arm-none-eabi-size", "-A", elf), re.M)
    return sum(int(size) for name, size in rows if name in names)


def firmware_libraries(map_file):
    """{library: [code and constants, RAM]} of what was linked; our own under "own"."""
    text = map_file.read_text()
    text = re.sub(r"^( \.\S+)\n +", r"\1 ", text[text.index("Linker script and memory map"):], flags=re.M)
    sizes = collections.defaultdict(lambda: [0, 0])
    row = re.compile(r"^ (\.\S+|COMMON|\*fill\*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)(?: (\S+))?$", re.M)
    for part in re.split(r"^(?=\.\w)", text, flags=re.M):
        output = part.split(None, 1)[0] if part else ""
        for section, size, origin in row.findall(part):
            if output not in (".text", ".data", ".bss", ".handlers", ".ARM.exidx") or not origin:
                continue
            library = re.search(r"lib(\w+)\.a\(", origin)
            name = library[1] if library else "own"
            name = "own" if name.startswith(("dr_", "mps2_", "mcu_crypto_psa")) else name
            bytes_ = int(size, 16)
            sizes[name][0] += bytes_ if output in (".text", ".data", ".ARM.exidx") else 0
            sizes[name][1] += bytes_ if output in (".data", ".bss") else 0
    return sizes


def rom_section(build):
    rooms, total = rom_rooms(build / "bin/rom-mps2.elf")
    lines = ["## The whole boot ROM of the Cortex-M3 board", "",
             f"**{total:,} bytes** of {ROM_BYTES:,} allowed: everything in the ROM, with vectors, constants, primitives, the "
             "board's drivers and what the compiler's and C libraries would add (nothing). Compiled as one program; each "
             "instruction is counted for the room of the line it came from.", "",
             "| room | bytes | what it does |", "|---|---:|---|"]
    lines += [f"| {room} | {size:,} | {ROM_WHAT.get(room, '')} |" for room, size in rooms.most_common()]
    return total, [room for room in rooms if room not in ROM_WHAT], lines + [""]


def firmware_section(build):
    elf = build / "bin/firmware-mps2-good.elf"
    sizes = firmware_libraries(build / "firmware-mps2-good.map")
    handlers = section_bytes(elf, ".handlers")
    sizes["own"][1] += handlers
    kept = {name: both for name, both in sizes.items() if name != KERNEL and any(both)}
    text, ram = (sum(both[i] for both in kept.values()) for i in (0, 1))
    lines = ["## Firmware of the Cortex-M3 board", "",
             f"**{text:,} bytes** of code and constants of {FIRMWARE_TEXT_BYTES:,} allowed, **{ram:,} bytes** of RAM beside "
             f"the code of {FIRMWARE_RAM_BYTES:,} allowed. No figure contains the kernel.", "",
             "The RAM is all there is: no heap, so every stack, buffer, packet and the memory of the TLS sessions is "
             f"reserved when the program is linked (the exceptions' stack: {handlers:,}). How much of stacks and "
             "TLS memory a run with an update uses is measured by `bench/mps2_memory.py` (`docs/performance-mcu.md`).", "",
             "| library | code and constants | RAM | what |", "|---|---:|---:|---|"]
    for name, (code, data) in sorted(kept.items(), key=lambda item: (item[0] != "own", -item[1][0])):
        what = "our own objects" if name == "own" else LIBRARY_WHAT.get(name, "")
        lines.append(f"| {name} | {code:,} | {data:,} | {what} |")
    return text, ram, lines + [""]


def board(build):
    """(summary rows of the document, its sections, what is over budget, what is wrong)."""
    rows, lines, over, wrong = [], [], [], []

    def judge(title, size, budget):
        rows.append(f"| {title} | {size:,} | {budget:,} |")
        print(f"{title}: {size} of {budget} bytes")
        if size > budget:
            over.append(title)

    if not (build / "bin/rom-mps2.elf").exists() or not (build / "bin/firmware-mps2-good.elf").exists():
        return rows, lines, over, [f"no boot ROM or firmware in {build}: run tools/fetch-sources --mcu, then build it"]
    total, nameless, section = rom_section(build)
    judge("Whole boot ROM of the Cortex-M3 board", total, ROM_BYTES)
    wrong += [f"{room} has no line in ROM_WHAT (tools/footprint_board.py)" for room in nameless]
    lines += section
    text, ram, section = firmware_section(build)
    judge("Firmware, code and constants", text, FIRMWARE_TEXT_BYTES)
    judge("Firmware, RAM", ram, FIRMWARE_RAM_BYTES)
    return rows, lines + section, over, wrong
