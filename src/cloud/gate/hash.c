/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/hash.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64u

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

uint64_t dr_siphash(const uint64_t secret[2], const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    uint64_t v[4] = {
        secret[0] ^ 0x736f6d6570736575u, secret[1] ^ 0x646f72616e646f6du,
        secret[0] ^ 0x6c7967656e657261u, secret[1] ^ 0x7465646279746573u};
    size_t at = 0;
    for (; at + 8 <= size_bytes; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)size_bytes << 56;
    for (unsigned shift = 0; at < size_bytes; at++, shift += 8) {
        last |= (uint64_t)bytes[at] << shift;
    }
    v[3] ^= last;
    sip_rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

enum dr_status dr_hash_init(struct dr_hash *table, const uint64_t secret[2])
{
    struct dr_hash_node **buckets = calloc(BUCKETS_FIRST, sizeof(struct dr_hash_node *));
    if (buckets == NULL) {
        return DR_E_SPACE;
    }
    table->secret[0] = secret[0];
    table->secret[1] = secret[1];
    table->buckets = buckets;
    table->bucket_count = BUCKETS_FIRST;
    table->count = 0;
    return DR_OK;
}

void dr_hash_free(struct dr_hash *table)
{
    free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = 0;
}

static struct dr_hash_node **bucket(const struct dr_hash *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static void grow(struct dr_hash *table)
{
    size_t count = table->bucket_count * 2;
    struct dr_hash_node **buckets = calloc(count, sizeof(struct dr_hash_node *));
    if (buckets == NULL) {
        return;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct dr_hash_node *node = table->buckets[i];
        while (node != NULL) { /* bound: the chain */
            struct dr_hash_node *next = node->next;
            struct dr_hash_node **home = &buckets[node->hash & (count - 1)];
            node->next = *home;
            *home = node;
            node = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
}

void dr_hash_insert(
    struct dr_hash *table, struct dr_hash_node *node, const void *key, size_t key_size)
{
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    node->key = key;
    node->key_size = key_size;
    node->hash = dr_siphash(table->secret, key, key_size);
    struct dr_hash_node **home = bucket(table, node->hash);
    node->next = *home;
    *home = node;
    table->count++;
}

void dr_hash_remove(struct dr_hash *table, struct dr_hash_node *node)
{
    struct dr_hash_node **link = bucket(table, node->hash);
    while (*link != NULL && *link != node) { /* bound: the chain */
        link = &(*link)->next;
    }
    if (*link == node) {
        *link = node->next;
        node->next = NULL;
        table->count--;
    }
}

static struct dr_hash_node *
first_equal(struct dr_hash_node *node, uint64_t hash, const void *key, size_t key_size)
{
    while (node != NULL && (node->hash != hash || node->key_size != key_size ||
                            memcmp(node->key, key, key_size) != 0)) {
        node = node->next; /* bound: the chain */
    }
    return node;
}

struct dr_hash_node *dr_hash_find(const struct dr_hash *table, const void *key, size_t key_size)
{
    uint64_t hash = dr_siphash(table->secret, key, key_size);
    return first_equal(*bucket(table, hash), hash, key, key_size);
}

struct dr_hash_node *dr_hash_next(const struct dr_hash_node *node)
{
    return first_equal(node->next, node->hash, node->key, node->key_size);
}
