/* simdjson's first stage, which finds the structural characters of a JSON text; and its conversion of decimals. */
#ifndef FASTWS_STAGE1_H
#define FASTWS_STAGE1_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fastws_stage1 fastws_stage1;

/* NULL when there is no memory. */
fastws_stage1 *fastws_stage1_new(void);
void fastws_stage1_free(fastws_stage1 *stage1);

/* Index `size` bytes. Returns 0, or simdjson's error code. `*indexes` has `*count` offsets of `{}[]:,`, and of the first
 * byte of each string, number and word, and one more entry behind them, which is `size`; it is valid until the next call. */
int fastws_stage1_run(
    fastws_stage1 *stage1, const uint8_t *text, size_t size, const uint32_t **indexes, uint32_t *count);

/* A mantissa times a power of ten, correctly rounded. 0 where that takes more digits, or is out of range. */
int fastws_double(uint64_t mantissa, int64_t exponent, double *number);

/* The kernel in use, and the others that this processor can run. Selecting one is for tests: 0, or -1 for an unknown name. */
const char *fastws_stage1_kernel(void);
int fastws_stage1_kernels(const char **names, int capacity);
int fastws_stage1_select(const char *name);

#ifdef __cplusplus
}
#endif

#endif
