/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The end of the flash file, which the emulated machine has as memory too. */
#include "boards/mps2_an385/host/host.h"

#include "base/check.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct dr_host *dr_host_of(struct dr_board *board)
{
    return (struct dr_host *)(void *)board; /* its first member */
}

enum dr_status dr_host_open_flash(struct dr_board *board)
{
    struct dr_host *host = dr_host_of(board);
    struct stat info;
    enum dr_status status = DR_OK;
    int fd = open(DR_BOARD_FLASH_PATH, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = DR_E_IO;
    } else if (info.st_size != (off_t)DR_MPS2_FLASH_BYTES) {
        status = DR_E_FORMAT;
    }
    int flags = status == DR_OK ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    off_t offset = status == DR_OK ? (off_t)DR_MPS2_BOARD_AT : 0;
    void *page = mmap(
        NULL, DR_MPS2_BOARD_BYTES, PROT_READ | PROT_WRITE, flags, status == DR_OK ? fd : -1,
        offset);
    DR_CHECK(page != MAP_FAILED);
    host->page = page;
    host->store = status == DR_OK ? fd : -1;
    if (status != DR_OK && fd >= 0) {
        close(fd);
    }
    return status;
}

void dr_host_close_flash(struct dr_board *board)
{
    struct dr_host *host = dr_host_of(board);
    /* Mapped by this object; the qualifier is about who else looks at it. */
    munmap((void *)(uintptr_t)host->page, DR_MPS2_BOARD_BYTES);
    if (host->store >= 0) {
        close(host->store);
    }
    host->page = NULL;
    host->store = -1;
}

/* A place in the shared pages; address as in map.h. */
static volatile uint8_t *page_at(const struct dr_host *host, uint32_t address)
{
    DR_CHECK(address >= DR_MPS2_BOARD_AT && address - DR_MPS2_BOARD_AT < DR_MPS2_BOARD_BYTES);
    return host->page + (address - DR_MPS2_BOARD_AT);
}

uint32_t dr_host_word(const struct dr_host *host, uint32_t address)
{
    DR_CHECK(address % 4u == 0);
    return le32toh(*(volatile const uint32_t *)(volatile void *)page_at(host, address));
}

void dr_host_word_set(struct dr_host *host, uint32_t address, uint32_t value)
{
    DR_CHECK(address % 4u == 0);
    *(volatile uint32_t *)(volatile void *)page_at(host, address) = htole32(value);
}

void dr_host_copy_out(const struct dr_host *host, uint32_t address, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = *page_at(host, address + (uint32_t)i);
    }
}

void dr_host_copy_in(struct dr_host *host, uint32_t address, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        *page_at(host, address + (uint32_t)i) = data[i];
    }
}

uint32_t dr_board_panel(const struct dr_board *board, uint32_t offset)
{
    const struct dr_host *host = (const struct dr_host *)(const void *)board;
    return dr_host_word(host, DR_MPS2_PANEL_AT + offset);
}

void dr_board_panel_set(struct dr_board *board, uint32_t offset, uint32_t value)
{
    dr_host_word_set(dr_host_of(board), DR_MPS2_PANEL_AT + offset, value);
}
