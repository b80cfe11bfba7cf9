/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/rom/rom.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int new_file(uint32_t size_bytes)
{
    int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0) {
        /* Kernels before 6.3 do not know MFD_EXEC and need none. */
        fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (fd >= 0 && ftruncate(fd, (off_t)size_bytes) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void dr_rom_window_close(struct dr_rom_window *window)
{
    if (window->memory != NULL) {
        munmap(window->memory, window->size_bytes);
        window->memory = NULL;
    }
    if (window->fd >= 0) {
        close(window->fd);
        window->fd = -1;
    }
}

static uint8_t *begin(void *context)
{
    struct dr_rom_window *window = context;
    dr_rom_window_close(window);
    window->fd = new_file(window->size_bytes);
    if (window->fd < 0) {
        return NULL;
    }
    void *memory =
        mmap(NULL, window->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, window->fd, 0);
    window->memory = memory != MAP_FAILED ? memory : NULL;
    return window->memory;
}

static const uint8_t *freeze(void *context, uint32_t size_bytes)
{
    struct dr_rom_window *window = context;
    if (window->memory == NULL || size_bytes > window->size_bytes) {
        return NULL;
    }
    /* The kernel refuses the seal while a writable mapping exists anywhere. */
    munmap(window->memory, window->size_bytes);
    window->memory = NULL;
    if (fcntl(window->fd, F_ADD_SEALS, SEALS) != 0) {
        return NULL;
    }
    void *memory = mmap(NULL, window->size_bytes, PROT_READ, MAP_PRIVATE, window->fd, 0);
    window->memory = memory != MAP_FAILED ? memory : NULL;
    return window->memory;
}

struct dr_load_window dr_rom_window(struct dr_rom_window *window, uint32_t size_bytes)
{
    *window = (struct dr_rom_window){.fd = -1, .size_bytes = size_bytes};
    return (struct dr_load_window){
        .context = window,
        .begin = begin,
        .freeze = freeze,
        .size_bytes = size_bytes,
        .any_address = true};
}

static bool fill(int fd, const uint8_t *data, size_t size_bytes)
{
    while (size_bytes > 0) { /* bound: every round writes at least one byte */
        ssize_t count = write(fd, data, size_bytes);
        if (count <= 0) {
            return false;
        }
        data += count;
        size_bytes -= (size_t)count;
    }
    return true;
}

/* The verified bytes are the reference: what was sealed must be them. */
static bool holds(int fd, const uint8_t *data, size_t size_bytes)
{
    void *sealed = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (sealed == MAP_FAILED) {
        return false;
    }
    bool same = memcmp(sealed, data, size_bytes) == 0;
    munmap(sealed, size_bytes);
    return same;
}

int dr_rom_seal(const uint8_t *data, size_t size_bytes)
{
    int fd = new_file(0);
    if (fd < 0) {
        return -1;
    }
    if (size_bytes == 0 || !fill(fd, data, size_bytes) || fcntl(fd, F_ADD_SEALS, SEALS) != 0 ||
        !holds(fd, data, size_bytes)) {
        close(fd);
        return -1;
    }
    return fd;
}
