/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* File streams: blocks straight from the stored file into the message. */
#include "cloud/service/device_priv.h"
#include "cloud/service/streams_priv.h"
#include "format/stream_service.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_QOS 0
#define DESCRIPTION_SIZE 8192u

static enum dr_status
stream_topic(const struct dr_task *task, enum dr_topic_kind kind, char out[DR_TOPIC_BYTES_MAX])
{
    size_t len = 0;
    struct dr_topic topic = {
        .kind = kind,
        .dialect = task->dialect,
        .thing = task->thing,
        .thing_len = strlen(task->thing),
        .id = task->id,
        .id_len = strlen(task->id),
    };
    return dr_topic_build(&topic, out, DR_TOPIC_BYTES_MAX, &len);
}

static void refuse(
    const struct dr_task *task, const char *client_token, enum dr_stream_error error,
    const char *message)
{
    char topic[DR_TOPIC_BYTES_MAX];
    uint8_t body[1024];
    size_t size = 0;
    struct dr_stream_refusal refusal = {
        .client_token = client_token, .error = error, .message = message};
    if (stream_topic(task, DR_TOPIC_STREAM_REJECTED, topic) == DR_OK &&
        dr_stream_write_rejected(task->dialect, &refusal, body, sizeof body, &size) == DR_OK) {
        dr_task_send(task, topic, body, size, BLOCK_QOS);
    }
}

/* How many of the selected bytes this request may have. A request that names its number of blocks
 * comes from an agent that counts; one without gets what AWS sends. */
static uint64_t wanted_bytes(
    const struct dr_task *task, const struct dr_stream_request *request, uint32_t file_size)
{
    uint64_t wanted =
        (uint64_t)dr_stream_select_count(request, file_size) * request->block_size_bytes;
    bool counted = request->count != DR_STREAM_COUNT_MAX && !task->service->strict;
    uint64_t bound = counted ? DR_STREAM_ROUND_BYTES_MAX : DR_STREAM_REQUEST_BYTES_MAX;
    return wanted < bound ? wanted : bound;
}

struct sending {
    const struct dr_task *task;
    const struct dr_stream_request *request;
    const struct dr_stream_source *source;
    const char *topic;
    uint8_t *message;
    size_t capacity;
    uint8_t *raw; /* the block before JSON encodes it; NULL for CBOR */
};

/* CBOR: the head, then the file's bytes behind it. */
static enum dr_status
write_cbor(const struct sending *sending, const struct dr_stream_block *block, size_t *ret_size)
{
    struct dr_writer writer;
    dr_writer_init(&writer, sending->message, sending->capacity);
    dr_stream_write_block_head(&writer, sending->request->client_token, block);
    DR_TRY(writer.status);
    if (block->size_bytes > writer.capacity_bytes - writer.size_bytes) {
        return DR_E_SPACE;
    }
    *ret_size = writer.size_bytes + block->size_bytes;
    return dr_blob_read(
        sending->source->blob, (uint64_t)block->index * sending->request->block_size_bytes,
        writer.data + writer.size_bytes, block->size_bytes);
}

static enum dr_status
write_json(const struct sending *sending, const struct dr_stream_block *block, size_t *ret_size)
{
    struct dr_stream_block whole = *block;
    whole.payload = sending->raw;
    DR_TRY(dr_blob_read(
        sending->source->blob, (uint64_t)block->index * sending->request->block_size_bytes,
        sending->raw, block->size_bytes));
    return dr_stream_write_block(
        DR_DIALECT_JSON, sending->request->client_token, &whole, sending->message,
        sending->capacity, ret_size);
}

static enum dr_status send_blocks(const struct sending *sending, uint64_t bound_bytes)
{
    struct dr_stream_selection selection =
        dr_stream_select(sending->request, sending->source->size_bytes);
    struct dr_stream_block block = {.file_id = sending->request->file_id};
    uint64_t sent_bytes = 0;
    while (dr_stream_select_next(&selection, &block.index, &block.size_bytes)) {
        /* bound: at least one block and at most bound_bytes */
        if (sent_bytes != 0 && sent_bytes + block.size_bytes > bound_bytes) {
            break;
        }
        size_t size = 0;
        DR_TRY(
            sending->raw != NULL ? write_json(sending, &block, &size)
                                 : write_cbor(sending, &block, &size));
        dr_task_send(sending->task, sending->topic, sending->message, size, BLOCK_QOS);
        sent_bytes += block.size_bytes;
    }
    return DR_OK;
}

static enum dr_status send_from(
    const struct dr_task *task, const struct dr_stream_request *request,
    const struct dr_stream_source *source, uint64_t bound_bytes)
{
    char topic[DR_TOPIC_BYTES_MAX];
    bool json = task->dialect == DR_DIALECT_JSON;
    size_t block = request->block_size_bytes;
    struct sending sending = {
        .task = task,
        .request = request,
        .source = source,
        .topic = topic,
        .capacity = (json ? 4 * ((block + 2) / 3) : block) + 4 * DR_STREAM_OVERHEAD_BYTES_MAX};
    DR_TRY(stream_topic(task, DR_TOPIC_STREAM_DATA, topic));
    sending.message = malloc(sending.capacity);
    sending.raw = json ? malloc(block) : NULL;
    enum dr_status status = DR_E_SPACE;
    if (sending.message != NULL && (!json || sending.raw != NULL)) {
        status = send_blocks(&sending, bound_bytes);
    }
    free(sending.raw);
    free(sending.message);
    return status;
}

static void serve(
    const struct dr_task *task, const struct dr_stream_request *request,
    const struct dr_stream_source *source)
{
    uint64_t wanted = wanted_bytes(task, request, source->size_bytes);
    if (wanted == 0) {
        refuse(
            task, request->client_token, DR_STREAM_ERROR_OFFSET,
            "the request selects no block of the file");
        return;
    }
    if (task->unsent_bytes != 0 &&
        wanted > DR_STREAM_ROUND_BYTES_MAX - (task->unsent_bytes < DR_STREAM_ROUND_BYTES_MAX
                                                  ? task->unsent_bytes
                                                  : DR_STREAM_ROUND_BYTES_MAX)) {
        refuse(
            task, request->client_token, DR_STREAM_ERROR_THROTTLED,
            "too many blocks are on their way to this connection");
        return;
    }
    if (send_from(task, request, source, wanted) != DR_OK) {
        refuse(task, request->client_token, DR_STREAM_ERROR_INTERNAL, "the file could not be read");
    }
}

static void get(const struct dr_task *task, const struct dr_stream_request *request)
{
    struct dr_stream_source source;
    enum dr_status status =
        dr_stream_cache_take(task->service, task->id, request->file_id, &source);
    if (status != DR_OK) {
        bool missing = status == DR_E_NOT_FOUND;
        refuse(
            task, request->client_token,
            missing ? DR_STREAM_ERROR_NOT_FOUND : DR_STREAM_ERROR_INTERNAL,
            missing ? "there is no such stream or file" : "the file could not be read");
        return;
    }
    serve(task, request, &source);
    dr_stream_cache_release(task->service->streams);
}

static enum dr_status
load_files(struct dr_db *db, const char *stream, struct dr_stream_file *files, size_t *ret_count)
{
    struct dr_rows rows;
    size_t count = 0;
    dr_db_select(
        db, &rows, "SELECT file, size FROM stream_file WHERE stream = ?1 ORDER BY file LIMIT ?2",
        DR_VALUES(dr_value_text(stream), dr_value_int(DR_STREAM_FILES_MAX)));
    while (dr_rows_next(&rows)) { /* bound: DR_STREAM_FILES_MAX */
        files[count++] = (struct dr_stream_file){
            .file_id = (uint32_t)dr_rows_int(&rows, 0),
            .size_bytes = (uint32_t)dr_rows_int(&rows, 1),
        };
    }
    *ret_count = count;
    return dr_rows_end(&rows);
}

static void describe(const struct dr_task *task, const struct dr_stream_request *request)
{
    struct dr_stream_file files[DR_STREAM_FILES_MAX];
    struct dr_stream_description description = {
        .client_token = request->client_token, .version = DR_STREAM_VERSION, .files = files};
    struct dr_db *db = NULL;
    uint8_t body[DESCRIPTION_SIZE];
    char topic[DR_TOPIC_BYTES_MAX];
    size_t size = 0;
    enum dr_status status = dr_store_read_begin(task->service->store, &db);
    if (status == DR_OK) {
        status = load_files(db, task->id, files, &description.file_count);
        dr_store_read_end(task->service->store, db);
    }
    if (status == DR_OK && description.file_count == 0) {
        refuse(task, request->client_token, DR_STREAM_ERROR_NOT_FOUND, "there is no such stream");
        return;
    }
    if (status == DR_OK) {
        status = stream_topic(task, DR_TOPIC_STREAM_DESCRIPTION, topic);
    }
    if (status == DR_OK) {
        status = dr_stream_write_description(task->dialect, &description, body, sizeof body, &size);
    }
    if (status != DR_OK) {
        refuse(
            task, request->client_token, DR_STREAM_ERROR_INTERNAL,
            "the stream could not be described");
        return;
    }
    dr_task_send(task, topic, body, size, BLOCK_QOS);
}

void dr_device_stream(struct dr_task *task)
{
    struct dr_stream_request request;
    enum dr_stream_error error = DR_STREAM_ERROR_NONE;
    const char *why = "";
    if (dr_stream_parse_request(
            task->kind, task->dialect, task->payload, task->payload_size, &request, &error, &why) !=
        DR_OK) {
        refuse(task, request.client_token, error, why);
        return;
    }
    if (request.has_version && request.version != DR_STREAM_VERSION) {
        refuse(
            task, request.client_token, DR_STREAM_ERROR_VERSION,
            "the stream has version 1, not the one in the request");
        return;
    }
    if (task->kind == DR_TOPIC_STREAM_GET) {
        get(task, &request);
    } else {
        describe(task, &request);
    }
}
