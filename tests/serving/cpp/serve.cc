// Classifies one photo with an exported model, in C++ and without Python.
//
//   serve VERSION_FOLDER PHOTO
//
// prints a line for the validity and the best label, and one for every probability. It loads the
// model with the function that TensorFlow Serving loads it with.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: serve VERSION_FOLDER PHOTO\n";
    return 2;
  }
  tensorflow::SavedModelBundle bundle;
  auto status = tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"}, &bundle);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  std::ifstream file(argv[2], std::ios::binary);
  tensorflow::Tensor photo(tensorflow::DT_STRING, {1});
  photo.vec<tensorflow::tstring>()(0) =
      std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());

  const auto& signature = bundle.meta_graph_def.signature_def().at("serving_default");
  const auto output = [&](const char* name) { return signature.outputs().at(name).name(); };
  std::vector<tensorflow::Tensor> answers;
  status = bundle.session->Run({{signature.inputs().at("image_bytes").name(), photo}},
                               {output("valid"), output("top_labels"), output("probabilities")},
                               {}, &answers);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  std::cout << answers[0].vec<bool>()(0) << " " << answers[1].matrix<tensorflow::tstring>()(0, 0) << "\n";
  const auto probabilities = answers[2].matrix<float>();
  for (int k = 0; k < probabilities.dimension(1); ++k) std::printf("%.9g\n", probabilities(0, k));
  return 0;
}
