// What a peer's program is given: PROGRAM FOLDER n d k full|diag PASSES..., with rows, weights and means as raw float64 in
// FOLDER; covariances are unit matrices at first. It prints the processor seconds of a fit with each number of passes.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

struct Given {
    size_t n, d, k;
    bool full;
    std::vector<double> rows, weights, means;
    std::vector<size_t> passes;

    Given(int count, char** words)
        : n(std::stoul(words[2])), d(std::stoul(words[3])), k(std::stoul(words[4])), full(words[5] == std::string("full")),
          rows(read(words[1], "rows", n * d)), weights(read(words[1], "weights", k)), means(read(words[1], "means", k * d)) {
        for (int i = 6; i < count; ++i) passes.push_back(std::stoul(words[i]));
    }

    template <class Fit> void time(Fit fit) const {
        for (size_t most : passes) {
            const std::clock_t begun = std::clock();
            fit(most);
            std::printf("%zu %.6f\n", most, double(std::clock() - begun) / CLOCKS_PER_SEC);
        }
    }

    static std::vector<double> read(const std::string& folder, const std::string& name, size_t size) {
        std::vector<double> values(size);
        std::FILE* file = std::fopen((folder + "/" + name + ".f64").c_str(), "rb");
        if (!file || std::fread(values.data(), sizeof(double), size, file) != size) {
            std::fprintf(stderr, "%s/%s.f64 does not hold %zu numbers\n", folder.c_str(), name.c_str(), size);
            std::exit(3);
        }
        std::fclose(file);
        return values;
    }
};
