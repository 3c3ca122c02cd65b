// Classifies photos with an exported model, in C++ and without Python.
//
//   serve VERSION_FOLDER PHOTO...
//
// prints a line for every photo: whether it could be read (1 or 0), its label, and the probability
// of every class, with tabs between. The model is loaded as TensorFlow Serving loads it.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session.h"

using tensorflow::Tensor;
using tensorflow::tstring;

int main(int argc, char** argv) {
  const int count = argc - 2;
  if (count < 1) return 2;
  Tensor photos(tensorflow::DT_STRING, {count});
  for (int i = 0; i < count; ++i) {
    std::ifstream file(argv[i + 2], std::ios::binary);
    photos.vec<tstring>()(i) =
        std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }

  tensorflow::SavedModelBundle bundle;
  auto status = tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"}, &bundle);
  std::vector<Tensor> answers;
  if (status.ok()) {
    const auto& signature = bundle.GetSignatures().at("serving_default");
    const auto output = [&](const char* name) { return signature.outputs().at(name).name(); };
    status = bundle.session->Run({{signature.inputs().at("image_bytes").name(), photos}},
                                 {output("valid"), output("top_labels"), output("probabilities")},
                                 {}, &answers);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }

  const auto probabilities = answers[2].matrix<float>();
  for (int i = 0; i < count; ++i) {
    const std::string label = answers[1].matrix<tstring>()(i, 0);
    std::printf("%d\t%s", answers[0].vec<bool>()(i), label.c_str());
    for (int k = 0; k < probabilities.dimension(1); ++k) std::printf("\t%.9g", probabilities(i, k));
    std::printf("\n");
  }
  return 0;
}
