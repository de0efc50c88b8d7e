/* Counts the calls of Python's allocators between start() and stop(), in all three domains. What an object takes from
 * a free list of its type is no call. */

#include <Python.h>

static PyMemAllocatorEx kept[3];
static size_t calls;

static void *counted_malloc(void *domain, size_t size) {
    PyMemAllocatorEx *inner = domain;
    calls++;
    return inner->malloc(inner->ctx, size);
}

static void *counted_calloc(void *domain, size_t count, size_t size) {
    PyMemAllocatorEx *inner = domain;
    calls++;
    return inner->calloc(inner->ctx, count, size);
}

static void *counted_realloc(void *domain, void *old, size_t size) {
    PyMemAllocatorEx *inner = domain;
    calls++;
    return inner->realloc(inner->ctx, old, size);
}

static void not_counted_free(void *domain, void *old) {
    PyMemAllocatorEx *inner = domain;
    inner->free(inner->ctx, old);
}

void start(void) {
    calls = 0;
    for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; domain++) {
        PyMemAllocatorEx counted = {&kept[domain], counted_malloc, counted_calloc, counted_realloc, not_counted_free};
        PyMem_GetAllocator((PyMemAllocatorDomain)domain, &kept[domain]);
        PyMem_SetAllocator((PyMemAllocatorDomain)domain, &counted);
    }
}

size_t stop(void) {
    for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; domain++)
        PyMem_SetAllocator((PyMemAllocatorDomain)domain, &kept[domain]);
    return calls;
}
