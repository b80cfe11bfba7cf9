/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/host/nor_file.h"

#include "boards/mps2_an385/common/part.h"
#include "boards/mps2_an385/map.h"
#include "boards/panel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t *map(int fd)
{
    void *cells = mmap(NULL, DR_MPS2_FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return cells == MAP_FAILED ? NULL : cells;
}

static void put_word(uint8_t *cells, uint32_t address, uint32_t value)
{
    uint32_t word = htole32(value);
    memcpy(cells + address, &word, sizeof word);
}

enum dr_status dr_nor_file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? DR_E_EXISTS : DR_E_IO;
    }
    uint8_t *cells = posix_fallocate(fd, 0, (off_t)DR_MPS2_FLASH_BYTES) == 0 ? map(fd) : NULL;
    bool done = cells != NULL;
    if (done) {
        memset(cells, DR_MPS2_ERASED_VALUE, DR_MPS2_BOARD_AT);
        put_word(cells, DR_MPS2_PANEL_AT + DR_PANEL_MAGIC_AT, DR_PANEL_MAGIC);
        put_word(cells, DR_MPS2_PANEL_AT + DR_PANEL_VERSION_AT, DR_PANEL_VERSION);
        done = munmap(cells, DR_MPS2_FLASH_BYTES) == 0 && fsync(fd) == 0;
    }
    if (close(fd) != 0 || !done) {
        unlink(path);
        return DR_E_IO;
    }
    return DR_OK;
}

static bool in_part(uint32_t address, uint32_t size_bytes)
{
    return address <= DR_MPS2_BOARD_AT && size_bytes <= DR_MPS2_BOARD_AT - address;
}

static enum dr_status port_read(void *context, uint32_t address, uint8_t *out, uint32_t size_bytes)
{
    const struct dr_nor_file *file = context;
    if (!in_part(address, size_bytes)) {
        return DR_E_ARGUMENT;
    }
    memcpy(out, file->cells + address, size_bytes);
    return DR_OK;
}

static enum dr_status
port_program(void *context, uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    const struct dr_nor_file *file = context;
    if (!in_part(address, size_bytes) || address % DR_MPS2_PROGRAM_UNIT_BYTES != 0 ||
        size_bytes % DR_MPS2_PROGRAM_UNIT_BYTES != 0) {
        return DR_E_ARGUMENT;
    }
    for (uint32_t i = 0; i < size_bytes; i++) {
        if (file->cells[address + i] != DR_MPS2_ERASED_VALUE) {
            return DR_E_IO;
        }
    }
    memcpy(file->cells + address, data, size_bytes);
    return DR_OK;
}

static enum dr_status port_erase(void *context, uint32_t address, uint32_t size_bytes)
{
    const struct dr_nor_file *file = context;
    if (!in_part(address, size_bytes) || address % DR_MPS2_SECTOR_BYTES != 0 ||
        size_bytes % DR_MPS2_SECTOR_BYTES != 0) {
        return DR_E_ARGUMENT;
    }
    memset(file->cells + address, DR_MPS2_ERASED_VALUE, size_bytes);
    return DR_OK;
}

static enum dr_status port_sync(void *context)
{
    const struct dr_nor_file *file = context;
    return msync(file->cells, DR_MPS2_FLASH_BYTES, MS_SYNC) == 0 ? DR_OK : DR_E_IO;
}

enum dr_status
dr_nor_file_open(struct dr_nor_file *file, const char *path, struct dr_flash *ret_flash)
{
    struct stat info;
    file->cells = NULL;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return DR_E_IO;
    }
    enum dr_status status = DR_E_IO;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        status = info.st_size == (off_t)DR_MPS2_FLASH_BYTES ? DR_OK : DR_E_FORMAT;
    }
    file->cells = status == DR_OK ? map(fd) : NULL;
    close(fd); /* the mapping stays */
    DR_TRY(status);
    *ret_flash = (struct dr_flash){
        .geometry = dr_mps2_flash_geometry,
        .context = file,
        .read = port_read,
        .program = port_program,
        .erase = port_erase,
        .sync = port_sync};
    return file->cells != NULL ? DR_OK : DR_E_IO;
}

void dr_nor_file_close(struct dr_nor_file *file)
{
    if (file->cells != NULL) {
        munmap(file->cells, DR_MPS2_FLASH_BYTES);
        file->cells = NULL;
    }
}
