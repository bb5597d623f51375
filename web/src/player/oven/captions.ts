/** OvenPlayer's captions from files, which a live meeting has none of. */
export default function Captions() {
  return { destroy: () => undefined, getCaptionList: () => [], getCurrentCaption: () => -1, setCurrentCaption: () => undefined, addCaption: () => undefined, removeCaption: () => undefined };
}
