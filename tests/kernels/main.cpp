// Runs one kernel of src/kernels on the host: its name is the argument, its arrays and numbers come on standard input, each as a 64-bit
// count of bytes and the bytes; the output array goes to standard output.
#include "host.h"
#include <cstdio>
#include <cstdlib>
#include <string>

namespace nf4 {
#include "../../src/kernels/nf4.cu"
}
#undef SCALES
#undef GATHERED
#undef WARP
#undef FULL
namespace lora {
#include "../../src/kernels/lora.cu"
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
};

template <typename T, typename Kernel> static int dequantise(Kernel kernel) {
    Array<T> out;
    Quantised q;
    size_t block = number<uint64_t>();
    launch(kernel, {2}, 64, out.get(), q.packed.get(), q.table.get(), q.absmax.get(), q.coded.get(), q.map.get(), q.coarse.get(), q.offset,
           out.count(), block);
    return give(out);
}

// `per_block` outputs a block of 64 threads.
template <typename Kernel> static int product(Kernel kernel, bool transposed) {
    Array<float> y, x;
    Quantised q;
    size_t out = number<uint64_t>(), in = number<uint64_t>(), block = number<uint64_t>();
    size_t rows = x.count() / (transposed ? out : in);
    dim3 grid{transposed ? tiles(in, 64) : tiles(out, 2), (unsigned)rows};
    launch(kernel, grid, 64, y.get(), x.get(), q.packed.get(), q.table.get(), q.absmax.get(), q.coded.get(), q.map.get(), q.coarse.get(), q.offset,
           out, in, block);
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
    Array<int> first, rank;
    Array<float> scale;
    std::vector<const float *> a = a_at.in(pages.get()), b = b_at.in(pages.get()), bias = bias_at.in(pages.get());
};

static int mixed(bool segmented) {
    Array<float> y, x;
    Array<int> index, order, start, owner;
    Adapters s;
    size_t out = number<uint64_t>(), width = number<uint64_t>();
    int widest = (int)number<uint64_t>();
    std::vector<float> v(index.count() * widest);
    unsigned rows = index.count(), groups = owner.count();
#define FACTORS s.a.data(), s.b.data(), s.bias.data(), s.first.get(), s.rank.get(), s.scale.get()
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
    if (kernel == "nf4_dequantise_f32") return dequantise<float>(nf4::nf4_dequantise_f32);
    if (kernel == "nf4_dequantise_bf16") return dequantise<unsigned short>(nf4::nf4_dequantise_bf16);
    if (kernel == "nf4_matvec") return product(nf4::nf4_matvec, false);
    if (kernel == "nf4_matvec_transposed") return product(nf4::nf4_matvec_transposed, true);
    if (kernel == "bgmv") return mixed(false);
    if (kernel == "sgmv") return mixed(true);
    return 2;
}
