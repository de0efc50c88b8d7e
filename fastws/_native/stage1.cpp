// The whole of simdjson, and a C interface of what fastws uses of it. Compiled once, apart from the modules: see setup.py.

#include "simdjson.h"
#include "simdjson.cpp"

#include <new>
#include <string>

#include "stage1.h"

using simdjson::internal::dom_parser_implementation;

struct fastws_stage1 {
    std::unique_ptr<dom_parser_implementation> parser;
    const simdjson::implementation *kernel = nullptr;
    size_t capacity = 0;
};

namespace {

// simdjson chooses the kernel for this processor once; its variable SIMDJSON_FORCE_IMPLEMENTATION chooses another one.
const simdjson::implementation *active() { return simdjson::get_active_implementation(); }

// The deepest nesting; simdjson's stage 1 takes this argument and does not use it.
constexpr size_t DEPTH = 1024;

}  // namespace

extern "C" {

fastws_stage1 *fastws_stage1_new(void) { return new (std::nothrow) fastws_stage1; }

void fastws_stage1_free(fastws_stage1 *stage1) { delete stage1; }

int fastws_stage1_run(
    fastws_stage1 *stage1, const uint8_t *text, size_t size, const uint32_t **indexes, uint32_t *count) {
    if (size >= 0xFFFFFFFFu - 64) {
        return simdjson::CAPACITY;
    }
    // Not every kernel checks the capacity itself.
    if (!stage1->parser || size > stage1->capacity || stage1->kernel != active()) {
        size_t capacity = size < 4096 ? 4096 : size + size / 2;
        if (capacity > 0xFFFFFFFFu - 64) {
            capacity = size;
        }
        std::unique_ptr<dom_parser_implementation> parser;
        stage1->kernel = active();
        const auto error = stage1->kernel->create_dom_parser_implementation(capacity, DEPTH, parser);
        if (error) {
            return error;
        }
        stage1->parser = std::move(parser);
        stage1->capacity = capacity;
    }
    const auto error = stage1->parser->stage1(text, size, simdjson::stage1_mode::regular);
    *indexes = stage1->parser->structural_indexes.get();
    *count = stage1->parser->n_structural_indexes;
    if (!error) {
        stage1->parser->structural_indexes[*count] = static_cast<uint32_t>(size);
    }
    return error;
}

int fastws_double(uint64_t mantissa, int64_t exponent, double *number) {
    using namespace simdjson;
    return exponent >= internal::smallest_power && exponent <= internal::largest_power &&
           SIMDJSON_BUILTIN_IMPLEMENTATION::numberparsing::compute_float_64(exponent, mantissa, false, *number);
}

const char *fastws_stage1_kernel(void) {
    static std::string name;
    name = active()->name();
    return name.c_str();
}

int fastws_stage1_kernels(const char **names, int capacity) {
    static std::string kept[8];
    int count = 0;
    for (const auto *kernel : simdjson::get_available_implementations()) {
        if (kernel->supported_by_runtime_system() && count < capacity && count < 8) {
            kept[count] = kernel->name();
            names[count] = kept[count].c_str();
            count++;
        }
    }
    return count;
}

int fastws_stage1_select(const char *name) {
    const auto *kernel = simdjson::get_available_implementations()[name];
    if (!kernel || !kernel->supported_by_runtime_system()) {
        return -1;
    }
    simdjson::get_active_implementation() = kernel;
    return 0;
}

}  // extern "C"
