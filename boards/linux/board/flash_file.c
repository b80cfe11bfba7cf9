/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/board/flash_file.h"

#include "base/check.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define UNIT DR_LINUX_PROGRAM_UNIT_BYTES
#define CLEAR_SECTORS_MAX 16u

DR_STATIC_ASSERT(DR_LINUX_ERASED_VALUE == 0xffu, "a hole reads as erased");
DR_STATIC_ASSERT(DR_FLASH_FILE_CHUNK_BYTES % DR_LINUX_SECTOR_BYTES == 0, "whole sectors");

static bool read_exactly(int fd, uint8_t *out, size_t size_bytes, off_t offset)
{
    while (size_bytes > 0) { /* bound: every round reads at least one byte */
        ssize_t count = pread(fd, out, size_bytes, offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        out += count;
        offset += count;
        size_bytes -= (size_t)count;
    }
    return true;
}

static bool write_exactly(int fd, const uint8_t *data, size_t size_bytes, off_t offset)
{
    while (size_bytes > 0) { /* bound: every round writes at least one byte */
        ssize_t count = pwrite(fd, data, size_bytes, offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        data += count;
        offset += count;
        size_bytes -= (size_t)count;
    }
    return true;
}

/* Cells to bytes, or back. in and out may be the same. Eight at a time: this runs for every byte of
 * every image. */
static void complement(const uint8_t *in, uint8_t *out, uint32_t size_bytes)
{
    uint32_t at = 0;
    for (; size_bytes - at >= 8u; at += 8u) {
        uint64_t word;
        memcpy(&word, in + at, sizeof word);
        word = ~word;
        memcpy(out + at, &word, sizeof word);
    }
    for (; at < size_bytes; at++) {
        out[at] = (uint8_t)~in[at];
    }
}

static bool in_part(uint32_t address, uint32_t size_bytes)
{
    return address <= DR_LINUX_PANEL_SECTOR_AT && size_bytes <= DR_LINUX_PANEL_SECTOR_AT - address;
}

enum dr_status dr_flash_file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? DR_E_EXISTS : DR_E_IO;
    }
    uint32_t page[DR_PANEL_BYTES / 4u] = {0};
    page[DR_PANEL_MAGIC_AT / 4u] = htole32(DR_PANEL_MAGIC);
    page[DR_PANEL_VERSION_AT / 4u] = htole32(DR_PANEL_VERSION);
    bool done = ftruncate(fd, DR_LINUX_FLASH_BYTES) == 0 &&
                write_exactly(fd, (const uint8_t *)page, sizeof page, (off_t)DR_LINUX_PANEL_AT) &&
                fsync(fd) == 0;
    if (close(fd) != 0 || !done) {
        unlink(path);
        return DR_E_IO;
    }
    return DR_OK;
}

static volatile uint32_t *map_panel(int fd)
{
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    off_t offset = fd >= 0 ? (off_t)DR_LINUX_PANEL_AT : 0;
    void *page = mmap(NULL, DR_PANEL_BYTES, PROT_READ | PROT_WRITE, flags, fd, offset);
    return page == MAP_FAILED ? NULL : page;
}

enum dr_status dr_flash_file_open(struct dr_flash_file *file, const char *path)
{
    memset(file, 0, sizeof *file);
    enum dr_status status = DR_OK;
    struct stat info;
    file->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file->fd < 0 || fstat(file->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = DR_E_IO;
    } else if (info.st_size != (off_t)DR_LINUX_FLASH_BYTES) {
        status = DR_E_FORMAT;
    } else {
        file->panel = map_panel(file->fd);
        status = file->panel != NULL ? DR_OK : DR_E_IO;
    }
    if (status != DR_OK) {
        if (file->fd >= 0) {
            close(file->fd);
        }
        file->fd = -1;
        file->panel = map_panel(-1);
        DR_CHECK(file->panel != NULL); /* one anonymous page */
    }
    return status;
}

void dr_flash_file_close(struct dr_flash_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    /* Mapped from this object's own memory; the qualifier is about who else looks at it. */
    munmap((void *)(uintptr_t)file->panel, DR_PANEL_BYTES);
    file->fd = -1;
    file->panel = NULL;
}

enum dr_status
dr_flash_file_read(struct dr_flash_file *file, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    if (!in_part(address, size_bytes)) {
        return DR_E_ARGUMENT;
    }
    if (file->fd < 0 || !read_exactly(file->fd, out, size_bytes, (off_t)address)) {
        return DR_E_IO;
    }
    complement(out, out, size_bytes);
    return DR_OK;
}

static bool bit(const uint8_t *bits, uint32_t index)
{
    return (bits[index / 8u] & (1u << (index % 8u))) != 0;
}

/* Is every sector of [address, address + size) one that was erased since the file was opened? Then
 * `programmed` says all there is to know. */
static bool erased_here(const struct dr_flash_file *file, uint32_t address, uint32_t size_bytes)
{
    uint32_t last = (address + size_bytes - 1u) / DR_LINUX_SECTOR_BYTES;
    for (uint32_t sector = address / DR_LINUX_SECTOR_BYTES; sector <= last; sector++) {
        if (!bit(file->erased, sector)) {
            return false;
        }
    }
    return true;
}

/* Every unit of [address, address + size) erased? DR_E_IO: one is not, or the file failed. */
static enum dr_status
check_erased(struct dr_flash_file *file, uint32_t address, uint32_t size_bytes)
{
    const uint32_t end = (address + size_bytes) / UNIT;
    for (uint32_t unit = address / UNIT; unit < end;) { /* whole bytes of the map where possible */
        bool whole = unit % 8u == 0 && end - unit >= 8u;
        if (whole ? file->programmed[unit / 8u] != 0 : bit(file->programmed, unit)) {
            return DR_E_IO;
        }
        unit += whole ? 8u : 1u;
    }
    if (erased_here(file, address, size_bytes)) {
        return DR_OK;
    }
    if (!read_exactly(file->fd, file->cells, size_bytes, (off_t)address)) {
        return DR_E_IO;
    }
    uint8_t any = 0;
    for (uint32_t i = 0; i < size_bytes; i++) {
        any |= file->cells[i];
    }
    return any == 0 ? DR_OK : DR_E_IO;
}

static enum dr_status program_chunk(
    struct dr_flash_file *file, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    DR_TRY(check_erased(file, address, size_bytes));
    complement(data, file->cells, size_bytes);
    const uint32_t end = (address + size_bytes) / UNIT;
    for (uint32_t unit = address / UNIT; unit < end;) {
        bool whole = unit % 8u == 0 && end - unit >= 8u;
        file->programmed[unit / 8u] |= (uint8_t)(whole ? 0xffu : 1u << (unit % 8u));
        unit += whole ? 8u : 1u;
    }
    return write_exactly(file->fd, file->cells, size_bytes, (off_t)address) ? DR_OK : DR_E_IO;
}

enum dr_status dr_flash_file_program(
    struct dr_flash_file *file, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    if (!in_part(address, size_bytes) || address % UNIT != 0 || size_bytes % UNIT != 0) {
        return DR_E_ARGUMENT;
    }
    if (file->fd < 0) {
        return DR_E_IO;
    }
    for (uint32_t done = 0; done < size_bytes;) { /* bound: size_bytes / chunk */
        uint32_t left = size_bytes - done;
        uint32_t part = left < DR_FLASH_FILE_CHUNK_BYTES ? left : DR_FLASH_FILE_CHUNK_BYTES;
        DR_TRY(program_chunk(file, address + done, data + done, part));
        done += part;
    }
    return DR_OK;
}

/* Zeros over a range of the file, a sector's worth of them used again and again: one call of the
 * system for a row of sectors. */
static bool clear_cells(struct dr_flash_file *file, off_t at, size_t size_bytes)
{
    struct iovec parts[CLEAR_SECTORS_MAX];
    for (size_t i = 0; i < CLEAR_SECTORS_MAX; i++) {
        parts[i] = (struct iovec){file->cells, DR_LINUX_SECTOR_BYTES};
    }
    int count = (int)(size_bytes / DR_LINUX_SECTOR_BYTES);
    ssize_t written = pwritev(file->fd, parts, count, at);
    size_t done = written > 0 ? (size_t)written : 0;
    while (done < size_bytes) { /* bound: what one call did not write is written bit by bit */
        size_t left = size_bytes - done;
        size_t part = left < DR_LINUX_SECTOR_BYTES ? left : DR_LINUX_SECTOR_BYTES;
        if (!write_exactly(file->fd, file->cells, part, at + (off_t)done)) {
            return false;
        }
        done += part;
    }
    return true;
}

/* At most CLEAR_SECTORS_MAX sectors. */
static enum dr_status erase_row(struct dr_flash_file *file, uint32_t address, uint32_t size_bytes)
{
    const uint32_t first = address / DR_LINUX_SECTOR_BYTES;
    const uint32_t end = first + size_bytes / DR_LINUX_SECTOR_BYTES;
    const off_t at = (off_t)address;
    off_t data = lseek(file->fd, at, SEEK_DATA);
    bool hole = data >= at + (off_t)size_bytes || (data < 0 && errno == ENXIO);
    for (uint32_t sector = first; sector < end; sector++) {
        file->erased[sector / 8u] &= (uint8_t) ~(1u << (sector % 8u));
    }
    if (!hole && !clear_cells(file, at, size_bytes)) {
        return DR_E_IO;
    }
    memset(file->programmed + address / UNIT / 8u, 0, size_bytes / UNIT / 8u);
    for (uint32_t sector = first; sector < end; sector++) {
        file->erased[sector / 8u] |= (uint8_t)(1u << (sector % 8u));
    }
    return DR_OK;
}

enum dr_status
dr_flash_file_erase(struct dr_flash_file *file, uint32_t address, uint32_t size_bytes)
{
    if (!in_part(address, size_bytes) || address % DR_LINUX_SECTOR_BYTES != 0 ||
        size_bytes % DR_LINUX_SECTOR_BYTES != 0) {
        return DR_E_ARGUMENT;
    }
    if (file->fd < 0) {
        return DR_E_IO;
    }
    memset(file->cells, 0, DR_LINUX_SECTOR_BYTES);
    while (size_bytes > 0) { /* bound: a row of sectors per round */
        uint32_t row = size_bytes < CLEAR_SECTORS_MAX * DR_LINUX_SECTOR_BYTES
                           ? size_bytes
                           : CLEAR_SECTORS_MAX * DR_LINUX_SECTOR_BYTES;
        DR_TRY(erase_row(file, address, row));
        address += row;
        size_bytes -= row;
    }
    return DR_OK;
}

static enum dr_status port_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    return dr_flash_file_read(context, address, out, size_bytes);
}

static enum dr_status
port_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    return dr_flash_file_program(context, address, data, size_bytes);
}

static enum dr_status port_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    return dr_flash_file_erase(context, address, size_bytes);
}

static enum dr_status port_sync(void *context)
{
    struct dr_flash_file *file = context;
    return fdatasync(file->fd) == 0 ? DR_OK : DR_E_IO;
}

void dr_flash_file_port(struct dr_flash_file *file, struct dr_flash *ret_flash)
{
    *ret_flash = (struct dr_flash){
        .geometry = dr_linux_flash_geometry,
        .context = file,
        .read = port_read,
        .program = port_program,
        .erase = port_erase,
        .sync = port_sync,
    };
}

uint32_t dr_flash_file_panel(const struct dr_flash_file *file, uint32_t offset)
{
    DR_CHECK(offset < DR_PANEL_BYTES && offset % 4u == 0);
    return le32toh(file->panel[offset / 4u]);
}

void dr_flash_file_panel_set(struct dr_flash_file *file, uint32_t offset, uint32_t value)
{
    DR_CHECK(offset < DR_PANEL_BYTES && offset % 4u == 0);
    file->panel[offset / 4u] = htole32(value);
}
