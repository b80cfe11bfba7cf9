/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Opening and closing, the lock, the epoch, and readers. */
#include "cloud/store/store.h"

#include "base/check.h"
#include "cloud/store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/* One thread's reading connection. */
struct reader {
    struct reader *next;
    struct reader *previous;
    struct dr_store *store;
    struct dr_db *db;
    bool is_open; /* between begin and end */
};

struct dr_store {
    char *path;
    int lock_fd;
    uint64_t epoch;
    struct dr_writer_thread *writer;

    pthread_key_t reader_key;
    pthread_mutex_t lock; /* guards readers */
    struct reader *readers;
};

static enum dr_status refuse(enum dr_status status, char *error, const char *path, const char *why)
{
    snprintf(error, DR_STORE_ERROR_SIZE, "%.150s: %.90s", path, why);
    return status;
}

/* Lock and epoch. */

static enum dr_status take_lock(struct dr_store *store, char *error)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s.lock", store->path);
    if (len < 0 || (size_t)len >= sizeof path) {
        return refuse(DR_E_RANGE, error, store->path, "the path is too long");
    }
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0) {
        enum dr_status status =
            errno == EACCES || errno == EROFS || errno == EPERM ? DR_E_DENIED : DR_E_IO;
        return refuse(status, error, path, strerror(errno));
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse(DR_E_BUSY, error, store->path, "another daemon has this store open");
    }
    return DR_OK;
}

/* SQLite would make the file with the process's umask; its "-wal" and "-shm" take the file's mode.
 */
static enum dr_status make_file(const struct dr_store *store, char *error)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        enum dr_status status = errno == EACCES || errno == EROFS ? DR_E_DENIED : DR_E_IO;
        return refuse(status, error, store->path, strerror(errno));
    }
    (void)close(fd);
    return DR_OK;
}

static enum dr_status random_u63(uint64_t *ret_number)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return DR_E_IO;
    }
    number &= INT64_MAX;
    *ret_number = number != 0 ? number : 1;
    return DR_OK;
}

static enum dr_status put_meta(struct dr_db *db, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return dr_db_run(
        db, "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2",
        DR_VALUES(dr_value_text(key), dr_value_text(text)));
}

static enum dr_status get_meta(struct dr_db *db, const char *key, uint64_t *ret_value)
{
    int64_t value = 0;
    enum dr_status status = dr_db_int(
        db, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1", DR_VALUES(dr_value_text(key)),
        &value);
    *ret_value = status == DR_OK ? (uint64_t)value : 0;
    return status == DR_E_NOT_FOUND ? DR_OK : status;
}

/* Each opening leaves a new random number in the store and beside it, in the lock file. When they
 * differ at the next opening, the store was replaced by a copy: its row ids may be used again for
 * other messages, so it gets a new epoch. A crash between the two writes does the same, harmlessly.
 */
static enum dr_status settle_epoch(struct dr_store *store, struct dr_db *db)
{
    uint64_t inside = 0;
    uint64_t beside = 0;
    uint64_t next = 0;
    char text[32] = "";
    if (pread(store->lock_fd, text, sizeof text - 1, 0) > 0) {
        beside = strtoull(text, NULL, 10);
    }
    DR_TRY(get_meta(db, "generation", &inside));
    DR_TRY(get_meta(db, "epoch", &store->epoch));
    DR_TRY(random_u63(&next));
    if (store->epoch == 0 || inside == 0 || inside != beside) {
        DR_TRY(random_u63(&store->epoch));
        DR_TRY(put_meta(db, "epoch", store->epoch));
    }
    DR_TRY(put_meta(db, "generation", next));
    memset(text, 0, sizeof text);
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)next);
    ssize_t size = (ssize_t)sizeof text;
    return pwrite(store->lock_fd, text, sizeof text, 0) == size ? DR_OK : DR_E_IO;
}

/* Opening and closing. */

static enum dr_status
prepare(struct dr_store *store, struct dr_db *db, uint32_t max_pages, char *error)
{
    enum dr_status status = dr_schema_migrate(db, error);
    if (status == DR_OK) {
        status = settle_epoch(store, db);
    }
    if (status == DR_OK && max_pages != 0) {
        char sql[64];
        snprintf(sql, sizeof sql, "PRAGMA max_page_count=%u", (unsigned)max_pages);
        status = dr_db_script(db, sql);
    }
    if (status != DR_OK && error[0] == '\0') {
        return refuse(status, error, store->path, dr_db_error(db));
    }
    return status;
}

static void close_reader(void *argument)
{
    struct reader *reader = argument;
    struct dr_store *store = reader->store;
    (void)pthread_mutex_lock(&store->lock);
    if (reader->previous != NULL) {
        reader->previous->next = reader->next;
    } else {
        store->readers = reader->next;
    }
    if (reader->next != NULL) {
        reader->next->previous = reader->previous;
    }
    (void)pthread_mutex_unlock(&store->lock);
    dr_db_close(reader->db);
    free(reader);
}

static void destroy(struct dr_store *store)
{
    struct reader *reader = store->readers;
    while (reader != NULL) { /* bound: one per thread; no other thread is left */
        struct reader *next = reader->next;
        dr_db_close(reader->db);
        free(reader);
        reader = next;
    }
    (void)pthread_key_delete(store->reader_key);
    (void)pthread_mutex_destroy(&store->lock);
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd);
    }
    free(store->path);
    free(store);
}

static enum dr_status create(const char *path, struct dr_store **ret_store)
{
    struct dr_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return DR_E_SPACE;
    }
    store->lock_fd = -1;
    store->path = strdup(path);
    if (store->path == NULL || pthread_key_create(&store->reader_key, close_reader) != 0) {
        free(store->path);
        free(store);
        return DR_E_SPACE;
    }
    (void)pthread_mutex_init(&store->lock, NULL);
    *ret_store = store;
    return DR_OK;
}

enum dr_status
dr_store_open(const struct dr_store_options *options, struct dr_store **ret_store, char *error)
{
    struct dr_store *store = NULL;
    struct dr_db *db = NULL;
    error[0] = '\0';
    DR_TRY(create(options->path, &store));
    enum dr_status status = take_lock(store, error);
    if (status == DR_OK) {
        status = make_file(store, error);
    }
    if (status == DR_OK) {
        status = dr_db_open(store->path, DR_DB_WRITER, &db, error);
    }
    if (status == DR_OK) {
        status = prepare(store, db, options->max_pages, error);
    }
    if (status == DR_OK) {
        status = dr_writer_thread_start(db, &store->writer);
    }
    if (status != DR_OK) {
        dr_db_close(db);
        destroy(store);
        return status;
    }
    *ret_store = store;
    return DR_OK;
}

void dr_store_close(struct dr_store *store)
{
    if (store != NULL) {
        dr_writer_thread_stop(store->writer);
        destroy(store);
    }
}

uint64_t dr_store_epoch(const struct dr_store *store)
{
    return store->epoch;
}

/* Writing. */

enum dr_status dr_store_submit(struct dr_store *store, const struct dr_mutation *mutation)
{
    return dr_writer_thread_submit(store->writer, mutation);
}

struct blocking {
    enum dr_status (*run)(void *context, struct dr_db *db);
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool is_done;
    enum dr_status status;
};

static enum dr_status run_blocking(void *context, struct dr_db *db)
{
    struct blocking *blocking = context;
    return blocking->run(blocking->context, db);
}

static void end_blocking(void *context, enum dr_status status)
{
    struct blocking *blocking = context;
    (void)pthread_mutex_lock(&blocking->lock);
    blocking->status = status;
    blocking->is_done = true;
    (void)pthread_cond_signal(&blocking->ready);
    (void)pthread_mutex_unlock(&blocking->lock);
}

enum dr_status dr_store_write(
    struct dr_store *store, enum dr_status (*run)(void *context, struct dr_db *db), void *context)
{
    DR_CHECK(!dr_writer_thread_is_self(store->writer));
    struct blocking blocking = {.run = run, .context = context};
    (void)pthread_mutex_init(&blocking.lock, NULL);
    (void)pthread_cond_init(&blocking.ready, NULL);
    struct dr_mutation mutation = {run_blocking, end_blocking, &blocking};
    enum dr_status status = dr_store_submit(store, &mutation);
    if (status == DR_OK) {
        (void)pthread_mutex_lock(&blocking.lock);
        while (!blocking.is_done) {
            (void)pthread_cond_wait(&blocking.ready, &blocking.lock);
        }
        status = blocking.status;
        (void)pthread_mutex_unlock(&blocking.lock);
    }
    (void)pthread_cond_destroy(&blocking.ready);
    (void)pthread_mutex_destroy(&blocking.lock);
    return status;
}

void dr_store_on_outbox(struct dr_store *store, void (*ready)(void *context), void *context)
{
    dr_writer_thread_on_outbox(store->writer, ready, context);
}

uint64_t dr_store_take_longest_commit_us(struct dr_store *store)
{
    return dr_writer_thread_take_longest_us(store->writer);
}

/* Reading. */

static enum dr_status reader_of_thread(struct dr_store *store, struct reader **ret_reader)
{
    struct reader *reader = pthread_getspecific(store->reader_key);
    if (reader != NULL) {
        *ret_reader = reader;
        return DR_OK;
    }
    char error[DR_STORE_ERROR_SIZE];
    reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return DR_E_SPACE;
    }
    enum dr_status status = dr_db_open(store->path, DR_DB_READER, &reader->db, error);
    if (status == DR_OK && pthread_setspecific(store->reader_key, reader) != 0) {
        dr_db_close(reader->db);
        status = DR_E_SPACE;
    }
    if (status != DR_OK) {
        free(reader);
        return status;
    }
    reader->store = store;
    (void)pthread_mutex_lock(&store->lock);
    reader->next = store->readers;
    if (store->readers != NULL) {
        store->readers->previous = reader;
    }
    store->readers = reader;
    (void)pthread_mutex_unlock(&store->lock);
    *ret_reader = reader;
    return DR_OK;
}

enum dr_status dr_store_read_begin(struct dr_store *store, struct dr_db **ret_db)
{
    struct reader *reader = NULL;
    DR_TRY(reader_of_thread(store, &reader));
    DR_CHECK(!reader->is_open);
    DR_TRY(dr_db_run(reader->db, "BEGIN", DR_NO_VALUES));
    reader->is_open = true;
    *ret_db = reader->db;
    return DR_OK;
}

void dr_store_read_end(struct dr_store *store, struct dr_db *db)
{
    struct reader *reader = pthread_getspecific(store->reader_key);
    DR_CHECK(reader != NULL && reader->db == db && reader->is_open);
    dr_db_reset_all(db);
    /* Nothing was written: ending the view cannot lose anything, and a failure shows at the next
     * BEGIN. */
    DR_IGNORE(dr_db_run(db, "COMMIT", DR_NO_VALUES));
    reader->is_open = false;
}
