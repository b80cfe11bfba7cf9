/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Drive a fuzz target over files: usage: replay FILE-OR-DIRECTORY... Every file is also replayed at
 * each of its shorter lengths up to 300 bytes, from memory of exactly that size. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (1u << 20)
#define SHORTER_BYTES_MAX 300u

static void run(const uint8_t *data, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes + (size_bytes == 0 ? 1 : 0));
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size_bytes);
    (void)LLVMFuzzerTestOneInput(copy, size_bytes);
    free(copy);
}

/* 0 when the file could not be read. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(FILE_BYTES_MAX);
    if (file == NULL || data == NULL) {
        perror(path);
        free(data);
        if (file != NULL) {
            fclose(file);
        }
        return 0;
    }
    size_t size_bytes = fread(data, 1, FILE_BYTES_MAX, file);
    fclose(file);
    run(data, size_bytes);
    for (size_t size = 0; size < size_bytes && size <= SHORTER_BYTES_MAX; size++) {
        run(data, size);
    }
    free(data);
    return 1;
}

static int replay_directory(const char *path, unsigned *count)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int good = directory != NULL;
    while (good && (entry = readdir(directory)) != NULL) {
        char name[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        good = replay_file(name);
        *count += good ? 1 : 0;
    }
    if (directory != NULL) {
        closedir(directory);
    } else {
        perror(path);
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            return 1;
        }
        int good = S_ISDIR(status.st_mode) ? replay_directory(argv[i], &count)
                                           : (count++, replay_file(argv[i]));
        if (!good) {
            return 1;
        }
    }
    printf("%u inputs replayed\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
