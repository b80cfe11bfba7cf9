/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A record is a header, the topic and the client id with their NULs, and the payload, rounded up to
 * eight bytes. One that does not fit before the end of the memory goes to its beginning; a header
 * with size 0, or too little room for a header, says "go to the beginning". */
#include "cloud/gate/ring.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 65536u

struct record {
    uint32_t size_bytes; /* of the whole, 0: continue at the beginning */
    uint32_t payload_size;
    uint16_t topic_size; /* with NUL */
    uint16_t client_size;
    uint32_t reserved;
    uint64_t session;
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
};
DR_STATIC_ASSERT(sizeof(struct record) % 8 == 0, "records stay aligned");

enum dr_status dr_ring_init(struct dr_ring *ring, size_t capacity_bytes)
{
    if (capacity_bytes < CAPACITY_MIN) {
        return DR_E_ARGUMENT;
    }
    memset(ring, 0, sizeof(*ring));
    ring->capacity_bytes = capacity_bytes / 8 * 8;
    ring->data = malloc(ring->capacity_bytes);
    ring->oldest_number = 1;
    ring->next_number = 1;
    ring->cursor_number = 1;
    return ring->data == NULL ? DR_E_SPACE : DR_OK;
}

void dr_ring_free(struct dr_ring *ring)
{
    free(ring->data);
    ring->data = NULL;
}

/* Where the record that stands at `at` really is: past the end means the beginning. */
static size_t settle(const struct dr_ring *ring, size_t at)
{
    uint32_t size_bytes = 0;
    if (ring->capacity_bytes - at >= sizeof(struct record)) {
        memcpy(&size_bytes, ring->data + at, sizeof(size_bytes));
    }
    return size_bytes == 0 ? 0 : at;
}

static size_t step(const struct dr_ring *ring, size_t at)
{
    uint32_t size_bytes;
    memcpy(&size_bytes, ring->data + at, sizeof(size_bytes));
    return at + size_bytes;
}

/* Room for size_bytes at *ret_at, or DR_E_SPACE. Head and tail are equal only when empty. */
static enum dr_status reserve(struct dr_ring *ring, size_t size_bytes, size_t *ret_at)
{
    if (ring->oldest_number == ring->next_number) {
        ring->head = 0;
        ring->tail = 0;
        ring->cursor = 0;
        ring->used_bytes = 0;
    }
    size_t at = ring->tail;
    if (ring->tail >= ring->head) {
        size_t behind = ring->capacity_bytes - ring->tail;
        if (size_bytes <= behind) {
            *ret_at = at;
            return DR_OK;
        }
        if (size_bytes >= ring->head) {
            return DR_E_SPACE;
        }
        if (behind >= sizeof(struct record)) {
            memset(ring->data + ring->tail, 0, sizeof(uint32_t));
        }
        ring->used_bytes += behind;
        at = 0;
    } else if (size_bytes >= ring->head - ring->tail) {
        return DR_E_SPACE;
    }
    *ret_at = at;
    return DR_OK;
}

enum dr_status
dr_ring_push(struct dr_ring *ring, const struct dr_ring_message *message, uint64_t *ret_number)
{
    struct record record = {.session = message->session};
    size_t topic_size = strlen(message->topic) + 1;
    size_t client_size = strlen(message->client_id) + 1;
    if (topic_size > UINT16_MAX || client_size > UINT16_MAX ||
        message->payload_size > ring->capacity_bytes) {
        return DR_E_SPACE;
    }
    size_t size = sizeof(record) + topic_size + client_size + message->payload_size;
    size = (size + 7) / 8 * 8;
    size_t at;
    DR_TRY(reserve(ring, size, &at));
    record.size_bytes = (uint32_t)size;
    record.payload_size = (uint32_t)message->payload_size;
    record.topic_size = (uint16_t)topic_size;
    record.client_size = (uint16_t)client_size;
    memcpy(record.certificate_id, message->certificate_id, sizeof(record.certificate_id));
    uint8_t *out = ring->data + at;
    memcpy(out, &record, sizeof(record));
    out += sizeof(record);
    memcpy(out, message->topic, topic_size);
    memcpy(out + topic_size, message->client_id, client_size);
    if (message->payload_size > 0) {
        memcpy(out + topic_size + client_size, message->payload, message->payload_size);
    }
    ring->tail = at + size;
    ring->used_bytes += size;
    *ret_number = ring->next_number++;
    return DR_OK;
}

enum dr_status dr_ring_send(struct dr_ring *ring, struct dr_ring_message *ret_message)
{
    if (ring->cursor_number == ring->next_number) {
        return DR_E_NOT_FOUND;
    }
    size_t at = settle(ring, ring->cursor);
    struct record record;
    memcpy(&record, ring->data + at, sizeof(record));
    const uint8_t *data = ring->data + at + sizeof(record);
    ret_message->number = ring->cursor_number++;
    ret_message->session = record.session;
    ret_message->topic = (const char *)data;
    ret_message->client_id = (const char *)data + record.topic_size;
    memcpy(ret_message->certificate_id, record.certificate_id, sizeof(record.certificate_id));
    ret_message->payload = data + record.topic_size + record.client_size;
    ret_message->payload_size = record.payload_size;
    ring->cursor = at + record.size_bytes;
    return DR_OK;
}

uint64_t dr_ring_outstanding(const struct dr_ring *ring)
{
    return ring->cursor_number - ring->oldest_number;
}

uint64_t dr_ring_count(const struct dr_ring *ring)
{
    return ring->next_number - ring->oldest_number;
}

void dr_ring_acknowledge(struct dr_ring *ring, uint64_t number)
{
    if (number >= ring->next_number) {
        return;
    }
    while (ring->oldest_number <= number) { /* bound: the messages in the ring */
        size_t at = settle(ring, ring->head);
        if (at != ring->head) {
            ring->used_bytes -= ring->capacity_bytes - ring->head;
        }
        size_t next = step(ring, at);
        if (ring->cursor_number == ring->oldest_number) {
            ring->cursor = next;
            ring->cursor_number++;
        }
        ring->head = next;
        ring->used_bytes -= next - at;
        ring->oldest_number++;
    }
}

void dr_ring_rewind(struct dr_ring *ring)
{
    ring->cursor = ring->head;
    ring->cursor_number = ring->oldest_number;
}
