// Runs one kernel of src/kernels on the host: its name is the argument, its arrays and numbers come on standard input, each as a 64-bit
// count of bytes and the bytes; the output array goes to standard output.
#include "host.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

// Mutations of the sources are compiled by other names.
#ifndef NF4_CU
#define NF4_CU "../../src/kernels/nf4.cu"
#endif
#ifndef LORA_CU
#define LORA_CU "../../src/kernels/lora.cu"
#endif

namespace nf4 {
#include NF4_CU
}
#undef GATHERED
#undef WARP
#undef FULL
namespace lora {
#include LORA_CU
}

static std::vector<char> bytes() {
    uint64_t count;
    if (std::fread(&count, 8, 1, stdin) != 1) std::abort();
    std::vector<char> data(count);
    if (count && std::fread(data.data(), 1, count, stdin) != count) std::abort();
    return data;
}

template <typename T> struct Array {
    std::vector<char> data = bytes();
    T *get() { return data.empty() ? nullptr : reinterpret_cast<T *>(data.data()); }
    size_t count() const { return data.size() / sizeof(T); }
};

template <typename T> static T number() {
    Array<T> one;
    return *one.get();
}

template <typename T> static int give(Array<T> &out) {
    return std::fwrite(out.data.data(), 1, out.data.size(), stdout) == out.data.size() ? 0 : 1;
}

static unsigned tiles(size_t count, unsigned size) { return (unsigned)((count + size - 1) / size); }

struct Quantised {
    Array<unsigned char> packed;
    Array<float> table, absmax;
    Array<unsigned char> coded;
    Array<float> map, coarse;
    float offset = number<float>();
    size_t block = number<uint64_t>();
    int shift = (int)number<int64_t>();
};
using nf4::u8;
#define QUANTISED                                                                                                              \
    q.packed.get(), q.table.get(), q.absmax.get(), q.coded.get(), q.map.get(), q.coarse.get(), q.offset, q.block, q.shift

template <typename T> static int dequantise(void (*kernel)(T *, const nf4::u8 *, const float *, SCALES, size_t)) {
    Array<T> out;
    Quantised q;
    launch(kernel, {2}, 64, out.get(), QUANTISED, out.count());
    return give(out);
}

template <typename T>
static int product(void (*kernel)(T *, const T *, const nf4::u8 *, const float *, SCALES, size_t, size_t), bool transposed) {
    Array<T> y, x;
    Quantised q;
    // Inputs may begin inside a piece of memory.
    size_t out = number<uint64_t>(), in = number<uint64_t>(), begin = number<uint64_t>();
    size_t rows = (x.count() - begin) / (transposed ? out : in);
    dim3 grid{transposed ? tiles(in, 64) : tiles(out, 2), (unsigned)rows};
    launch(kernel, grid, 64, y.get(), x.get() + begin, QUANTISED, out, in);
    return give(y);
}

// Rows of one piece of memory, each given by where it begins; ~0 is none.
struct Rows {
    Array<unsigned long long> at;
    std::vector<const float *> in(const float *pages) const {
        std::vector<const float *> rows;
        auto *begin = reinterpret_cast<const unsigned long long *>(at.data.data());
        for (size_t i = 0; i < at.count(); i++) rows.push_back(begin[i] == ~0ull ? nullptr : pages + begin[i]);
        return rows;
    }
};

struct Adapters {
    Array<float> pages;
    Rows a_at, b_at, bias_at;
    Array<int> rank;
    Array<float> scale;
    std::vector<const float *> a = a_at.in(pages.get()), b = b_at.in(pages.get()), bias = bias_at.in(pages.get());
};

static int mixed(bool segmented) {
    Array<float> y, x;
    Array<int> index, order, start, owner;
    Adapters s;
    size_t out = number<uint64_t>(), width = number<uint64_t>();
    int widest = (int)number<uint64_t>();
    std::vector<float> v(index.count() * widest, NAN);
    unsigned rows = index.count(), groups = owner.count();
#define FACTORS s.a.data(), s.b.data(), s.bias.data(), s.rank.get(), s.scale.get()
    if (segmented) {
        launch(lora::sgmv_shrink, {groups, (unsigned)widest}, 64, v.data(), x.get(), order.get(), start.get(), owner.get(), FACTORS, width, widest);
        launch(lora::sgmv_expand, {groups, tiles(out, 64)}, 64, y.get(), v.data(), order.get(), start.get(), owner.get(), FACTORS, out, widest);
    } else {
        launch(lora::bgmv_shrink, {rows, (unsigned)widest}, 64, v.data(), x.get(), index.get(), FACTORS, width, widest);
        launch(lora::bgmv_expand, {rows, tiles(out, 64)}, 64, y.get(), v.data(), index.get(), FACTORS, out, widest);
    }
    return give(y);
}

int main(int, char **argv) {
    std::string kernel = argv[1];
#define IN(T)                                                                                                                  \
    if (kernel == "nf4_dequantise_" #T) return dequantise(nf4::nf4_dequantise_##T);                                            \
    if (kernel == "nf4_matvec_" #T) return product(nf4::nf4_matvec_##T, false);                                                \
    if (kernel == "nf4_matvec_transposed_" #T) return product(nf4::nf4_matvec_transposed_##T, true);
    IN(f32)
    IN(bf16)
    IN(f16)
    if (kernel == "bgmv") return mixed(false);
    if (kernel == "sgmv") return mixed(true);
    return 2;
}
