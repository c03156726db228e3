// NF4 on the device (QLoRA: Dettmers et al. 2023, arXiv 2305.14314, §3). The CPU twin is src/quant/block.rs.
//
//   weight W (out, in), row by row; number i has code c_i, two to a byte, the first in the high half
//   W_i = round_T(table[c_i] * scale(i))                     T is the type of the product: f32, bf16, f16
//   scale(i) = absmax[b]                                     plain; b = i / block
//            = map[coded[b]] * coarse[b / 256] + offset      double quantisation
//
// The products read codes and never write the dense weight: four bits a number cross the bus instead of thirty-two or sixteen. Inputs and
// outputs are in T, sums in f32.
// No header is needed, so that NVRTC compiles this on a machine that has a driver and nothing else.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define WARP 32
#define FULL 0xffffffffu
// Scales that share one constant of the second level.
#define COARSE 256
// Numbers whose codes fill a word.
#define RUN 8

struct bf16 {
    u16 bits;
};
struct f16 {
    u16 bits;
};

__device__ float wide(float x) { return x; }

__device__ float wide(bf16 x) { return __uint_as_float((u32)x.bits << 16); }

__device__ float wide(f16 x) {
    u32 magnitude = (u32)(x.bits & 0x7fffu) << 13, sign = (u32)(x.bits & 0x8000u) << 16;
    // Exponents are biased by 15 there and by 127 here.
    if (magnitude < 0x0f800000u) magnitude = __float_as_uint(__uint_as_float(magnitude) * 0x1p112f);
    else magnitude |= 0x7f800000u;
    return __uint_as_float(sign | magnitude);
}

__device__ void narrow(float x, float &to) { to = x; }

// The nearest bfloat16, ties to even; what is not finite keeps its upper half.
__device__ void narrow(float x, bf16 &to) {
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7f800000u) == 0x7f800000u) to.bits = (bits >> 16) | ((bits & 0xffffu) && (bits & 0x7fffffu) ? 0x40u : 0u);
    else to.bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// The nearest half, ties to even; infinite from 65,520 on.
__device__ void narrow(float x, f16 &to) {
    u32 bits = __float_as_uint(x), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) magnitude = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    else if (magnitude >= 0x477ff000u) magnitude = 0x7c00u;
    // Below 2^-14 halves lie 2^-24 apart, as floats from 0.5 on do: the sum is rounded as it should be.
    else if (magnitude < 0x38800000u) magnitude = __float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u;
    else magnitude = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    to.bits = sign | magnitude;
}

// x as T holds it.
template <typename T> __device__ float rounded(float x) {
    T narrower;
    narrow(x, narrower);
    return wide(narrower);
}

// The scales of all blocks; absmax is null when they are in eight bits. `shift` is log2(block), or negative where block is no power of two.
struct Scales {
    const float *absmax;
    const u8 *coded;
    const float *map;
    const float *coarse;
    float offset;
    size_t block;
    int shift;
};

#define SCALES const float *absmax, const u8 *coded, const float *map, const float *coarse, float offset, size_t block, int shift
#define GATHERED Scales{absmax, coded, map, coarse, offset, block, shift}

// The scale of number i.
__device__ float scale_of(const Scales &s, size_t i) {
    size_t block = s.shift < 0 ? i / s.block : i >> s.shift;
    if (s.absmax) return s.absmax[block];
    return s.map[s.coded[block]] * s.coarse[block / COARSE] + s.offset;
}

// The sixteen levels where a block of threads reads them fast.
__device__ const float *levels(const float *table) {
    __shared__ float values[16];
    if (threadIdx.x < 16) values[threadIdx.x] = table[threadIdx.x];
    __syncthreads();
    return values;
}

// A thread writes the two numbers of a byte.
template <typename T> __device__ void dequantise(T *out, const u8 *packed, const float *table, const Scales s, size_t count) {
    for (size_t byte = (size_t)blockIdx.x * blockDim.x + threadIdx.x; 2 * byte < count; byte += (size_t)gridDim.x * blockDim.x) {
        u8 pair = packed[byte];
        size_t i = 2 * byte;
        narrow(table[pair >> 4] * scale_of(s, i), out[i]);
        if (i + 1 < count) narrow(table[pair & 15] * scale_of(s, i + 1), out[i + 1]);
    }
}

// y[m] = W x[m]: a warp for each output, grid (out / warps, rows of x).
template <typename T>
__device__ void matvec(T *y, const T *x, const u8 *packed, const float *table, const Scales s, size_t out, size_t in) {
    const float *values = levels(table);
    size_t row = (size_t)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    const T *input = x + (size_t)blockIdx.y * in;
    float sum = 0.0f;
    if (row < out) {
        size_t first = row * in, last = first + in;
        struct alignas(16) Inputs {
            T at[RUN];
        };
        if (in % RUN == 0 && s.block % RUN == 0 && (size_t)input % 16 == 0) {
            // A word of codes at a time: they share a scale.
            for (size_t i = first + RUN * lane; i < last; i += RUN * WARP) {
                u32 word = *(const u32 *)(packed + i / 2);
                Inputs inputs = *(const Inputs *)(input + (i - first));
                float scale = scale_of(s, i);
                for (int k = 0; k < RUN; k++) {
                    u32 code = (word >> (8 * (k / 2) + (k % 2 ? 0 : 4))) & 15;
                    sum += rounded<T>(values[code] * scale) * wide(inputs.at[k]);
                }
            }
        } else {
            // From byte to byte; a row that begins or ends inside one leaves the other half alone.
            for (size_t byte = first / 2 + lane; 2 * byte < last; byte += WARP) {
                u8 pair = packed[byte];
                size_t i = 2 * byte;
                if (i >= first) sum += rounded<T>(values[pair >> 4] * scale_of(s, i)) * wide(input[i - first]);
                if (i + 1 < last)
                    sum += rounded<T>(values[pair & 15] * scale_of(s, i + 1)) * wide(input[i + 1 - first]);
            }
        }
    }
    for (int step = WARP / 2; step > 0; step /= 2) sum += __shfl_down_sync(FULL, sum, step);
    if (row < out && lane == 0) narrow(sum, y[(size_t)blockIdx.y * out + row]);
}

// The backward pass of a frozen linear layer, dx[m] = Wᵀ dy[m]: a thread for each input, grid (in / threads, rows of dy).
template <typename T>
__device__ void matvec_transposed(T *dx, const T *dy, const u8 *packed, const float *table, const Scales s, size_t out, size_t in) {
    const float *values = levels(table);
    size_t column = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= in) return;
    const T *grad = dy + (size_t)blockIdx.y * out;
    float sum = 0.0f;
    for (size_t row = 0; row < out; row++) {
        size_t i = row * in + column;
        u8 pair = packed[i / 2];
        sum += rounded<T>(values[i % 2 ? pair & 15 : pair >> 4] * scale_of(s, i)) * wide(grad[row]);
    }
    narrow(sum, dx[(size_t)blockIdx.y * in + column]);
}

#define KERNELS(T)                                                                                                             \
    extern "C" __global__ void nf4_dequantise_##T(T *out, const u8 *packed, const float *table, SCALES, size_t count) {        \
        dequantise(out, packed, table, GATHERED, count);                                                                       \
    }                                                                                                                          \
    extern "C" __global__ void nf4_matvec_##T(                                                                                 \
        T *y, const T *x, const u8 *packed, const float *table, SCALES, size_t out, size_t in                                  \
    ) {                                                                                                                        \
        matvec(y, x, packed, table, GATHERED, out, in);                                                                        \
    }                                                                                                                          \
    extern "C" __global__ void nf4_matvec_transposed_##T(                                                                      \
        T *dx, const T *dy, const u8 *packed, const float *table, SCALES, size_t out, size_t in                                \
    ) {                                                                                                                        \
        matvec_transposed(dx, dy, packed, table, GATHERED, out, in);                                                           \
    }

typedef float f32;
KERNELS(f32)
KERNELS(bf16)
KERNELS(f16)
