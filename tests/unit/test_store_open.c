/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What is refused at the door, and what a killed daemon leaves behind. */
#include "tests/unit/store_rig.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Copy a file's bytes over another's. */
static bool copy_file(const char *from, const char *to)
{
    static uint8_t bytes[1u << 20];
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t size = in >= 0 ? read(in, bytes, sizeof bytes) : -1;
    bool copied =
        size > 0 && size < (ssize_t)sizeof bytes && write(out, bytes, (size_t)size) == size;
    close(in);
    close(out);
    return copied;
}

/* A copy put back in place of the store is another store to whoever remembers row ids. */
static void restored_copy_gets_new_epoch(void)
{
    char copy[160];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    snprintf(copy, sizeof copy, "%s.copy", path);
    REQUIRE(copy_file(path, copy));
    REQUIRE(open_store(0) == DR_OK);
    uint64_t epoch = dr_store_epoch(store);
    dr_store_close(store);
    REQUIRE(rename(copy, path) == 0);
    REQUIRE(open_store(0) == DR_OK);
    EXPECT(dr_store_epoch(store) != epoch);
    dr_store_close(store);
    end();
}

static void files_are_private(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    mode_t mask = umask(0);
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    for (size_t i = 0; i < DR_ARRAY_COUNT(suffixes); i++) {
        char file[160];
        struct stat info;
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        REQUIRE(stat(file, &info) == 0);
        EXPECT_EQ(info.st_mode & 0777, 0600);
    }
    dr_store_close(store);
    (void)umask(mask);
    end();
}

static void second_daemon_is_refused(void)
{
    struct dr_store *second = NULL;
    struct dr_store_options options = {.path = path};
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_open(&options, &second, error), DR_E_BUSY);
    EXPECT(strstr(error, "another daemon") != NULL);
    dr_store_close(store);
    REQUIRE(open_store(0) == DR_OK); /* the lock went with the first */
    dr_store_close(store);
    end();
}

static bool write_at(const char *file, off_t offset, const void *data, size_t size)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    bool written = fd >= 0 && pwrite(fd, data, size, offset) == (ssize_t)size;
    close(fd);
    return written;
}

static void damaged_store_is_refused(void)
{
    static uint8_t noise[4096];
    REQUIRE(begin());
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * 31u + 7u);
    }
    REQUIRE(write_at(path, 0, noise, sizeof noise));
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(error[0] != '\0');
    REQUIRE(unlink(path) == 0);

    REQUIRE(open_store(0) == DR_OK);
    for (int i = 0; i < 50; i++) {
        EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    }
    dr_store_close(store);
    struct stat info;
    REQUIRE(stat(path, &info) == 0);
    for (off_t page = 4096; page < info.st_size; page += 4096) { /* all but the first */
        REQUIRE(write_at(path, page, noise, 1024));
    }
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(strstr(error, "damaged") != NULL || strstr(error, "malformed") != NULL);
    end();
}

static void foreign_and_newer_stores_are_refused(void)
{
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    dr_store_close(store);
    uint8_t version[4] = {0, 0, 0, 99}; /* user_version stands at byte 60 of the file */
    REQUIRE(write_at(path, 60, version, sizeof version));
    EXPECT_EQ(open_store(0), DR_E_UNSUPPORTED);
    EXPECT(strstr(error, "99") != NULL);
    uint8_t application[4] = {1, 2, 3, 4}; /* application_id at byte 68 */
    REQUIRE(write_at(path, 68, application, sizeof application));
    EXPECT_EQ(open_store(0), DR_E_CORRUPT);
    EXPECT(strstr(error, "not a Daruma store") != NULL);
    end();
}

/* Run in a child, without the right to write where the owner may. */
static int open_as_nobody(void)
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 &&
            (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        enum dr_status status = open_store(0);
        _exit(status == DR_E_DENIED && error[0] != '\0' ? 0 : 1);
    }
    int result = -1;
    EXPECT(child > 0 && waitpid(child, &result, 0) == child);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void unwritable_store_is_refused(void)
{
    char lock[160];
    REQUIRE(begin());
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(dr_store_write(store, run_row, actor_a), DR_OK);
    dr_store_close(store);
    snprintf(lock, sizeof lock, "%s.lock", path);
    REQUIRE(chmod(directory, 0555) == 0);
    REQUIRE(chmod(path, 0444) == 0);
    REQUIRE(chmod(lock, 0444) == 0);
    EXPECT_EQ(open_as_nobody(), 0); /* the lock cannot be taken */
    REQUIRE(chmod(lock, 0666) == 0);
    EXPECT_EQ(open_as_nobody(), 0); /* the database cannot be written */
    REQUIRE(chmod(directory, 0700) == 0);
    REQUIRE(chmod(path, 0600) == 0);
    REQUIRE(open_store(0) == DR_OK);
    EXPECT_EQ(count_rows("a"), 1);
    dr_store_close(store);
    end();
}
/* The child reports each answered write on a pipe until it is killed. */
static void write_until_killed(int report)
{
    if (open_store(0) != DR_OK) {
        _exit(1);
    }
    for (;;) { /* bound: the parent kills */
        if (dr_store_write(store, run_row, actor_a) != DR_OK || write(report, "+", 1) != 1) {
            _exit(1);
        }
    }
}

static void killed_writer_loses_nothing_answered(void)
{
    int64_t answered = 0;
    REQUIRE(begin());
    for (int round = 0; round < 5; round++) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(ends[1]);
        }
        REQUIRE(child > 0);
        close(ends[1]);
        char byte = 0;
        for (int i = 0; i < 20 + 7 * round && read(ends[0], &byte, 1) == 1; i++) {
            answered++;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &byte, 1) == 1) {
            answered++;
        }
        close(ends[0]);
        EXPECT_EQ(waitpid(child, NULL, 0), child);
        REQUIRE(open_store(0) == DR_OK);
        int64_t kept = count_rows("a");
        EXPECT(kept >= answered);
        EXPECT(kept <= answered + 1); /* one may be committed and not yet reported */
        answered = kept;
        dr_store_close(store);
    }
    end();
}

DR_TEST_MAIN(
    restored_copy_gets_new_epoch, files_are_private, second_daemon_is_refused,
    damaged_store_is_refused, foreign_and_newer_stores_are_refused, unwritable_store_is_refused,
    killed_writer_loses_nothing_answered)
